/** @file Cases as traced programs. */
import type { Feed } from '../../../engine/tensor/evaluate.js';
import { add, constant, input, mul, sum } from '../../../engine/tensor/ops/index.js';
import type { Tensor } from '../../../engine/tensor/tensor.js';
import { draw, sampleOf, type Case } from './case.js';

export interface Trace {
  readonly inputs: Readonly<Record<string, Tensor>>;
  readonly outputs: readonly Tensor[];
  /** Elements for every input, exact in its type. */
  readonly feeds: Readonly<Record<string, Feed>>;
  /** The real inputs. */
  readonly by: readonly Tensor[];
}

export function trace({ inputs: given, build }: Case, random: () => number): Trace {
  const samples = Object.entries(given).map(([name, sample]) => [name, sampleOf(sample)] as const);
  const inputs = Object.fromEntries(samples.map(([name, { dims, dtype = 'f32' }]) => [name, input(name, { dtype, dims })]));
  const feeds = Object.fromEntries(samples.map(([name, sample]) => [name, { dims: sample.dims, data: draw(sample, random).map(Math.fround) }]));
  return { inputs, feeds, outputs: [build(inputs)].flat(), by: Object.values(inputs).filter((t) => t.dtype === 'f32') };
}

/** One number: the real elements of tensors, weighted at random. Nothing when there are none. */
export function weighed(tensors: readonly Tensor[], random: () => number): Tensor | undefined {
  const terms = tensors.filter((t) => t.dtype === 'f32')
    .map((t) => sum(mul(t, constant(draw({ dims: t.dims as number[], low: -1, high: 1 }, random), 'f32', t.dims))));
  return terms.length ? terms.reduce((a, b) => add(a, b)) : undefined;
}
