/** @file An optimiser: one update of a network's flat vector. What changes with the step number is computed in float64 and fed as a few scalars. */
import type { ZodType } from 'zod';
import type { Tensor } from '../tensor/tensor.js';

/** One update in the program: `scalars` are the values of `scalars()` for this step, as symbols f32[]. */
export interface Update { readonly parameters: Tensor; readonly moments: Readonly<Record<string, Tensor>> }

export interface Optimiser<C = any> {
  readonly name: string;
  readonly about: string;
  readonly config: ZodType<C>;
  /** Names of the vectors kept beside the parameters, zero at first. */
  moments(config: C): readonly string[];
  /** The scalars of step `step` (1 is the first) at learning rate `rate`. */
  scalars(config: C, step: number, rate: number): readonly number[];
  update(config: C, parameters: Tensor, gradient: Tensor, moments: Readonly<Record<string, Tensor>>, scalars: readonly Tensor[]): Update;
}
export const defineOptimiser = <C>(optimiser: Optimiser<C>): Optimiser<C> => optimiser;
