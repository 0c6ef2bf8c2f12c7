/** @file A backbone: the pair of networks of a GAN as functions of a scope, and what condition they can carry. */
import type { ZodType } from 'zod';
import { inputError } from '../spec/issue.js';
import type { Scope } from '../tensor/scope.js';
import type { Tensor } from '../tensor/tensor.js';

/** The condition as the networks see it. `size` 1 and kind integer: unconditional. */
export interface Condition {
  readonly kind: 'integer' | 'vector';
  /** Labels lie below it, or the vector is this wide. */
  readonly size: number;
  /** i64[N] or f32[N,size]. */
  readonly value: Tensor;
}
export const isUnconditional = (condition: { kind: string; size: number }): boolean => condition.kind === 'integer' && condition.size === 1;

export interface Judgement {
  /** One score an image, before any sigmoid. f32[N] */
  readonly logit: Tensor;
  /** What clusterers and extractors read. f32[N,F] */
  readonly feature: Tensor;
}

export interface Backbone<C = any> {
  readonly name: string;
  readonly about: string;
  readonly config: ZodType<C>;
  /** The kinds of condition that it can carry. */
  readonly conditions: readonly Condition['kind'][];
  /** Says why images of these sizes ([C,R,R], or [2]) don't fit, if they don't. */
  refuses?(image: readonly number[], config: C): string | undefined;
  /** Width of the latent vector z. */
  latent(config: C): number;
  /** f32[N,Z] and a condition to images f32[N,…image]. */
  generator(scope: Scope, z: Tensor, condition: Condition, config: C, image: readonly number[]): Tensor;
  discriminator(scope: Scope, image: Tensor, condition: Condition, config: C): Judgement;
  /** Whether the discriminator judges each image by itself (no batch statistics), so that real and fake ones may go through it together. */
  readonly perImage?: boolean;
}
export const defineBackbone = <C>(backbone: Backbone<C>): Backbone<C> => backbone;

/** Refuses a backbone that can't carry the condition or the images, naming the place. */
export function requireFit(backbone: Backbone, config: unknown, image: readonly number[], kind: Condition['kind'], where: string): void {
  if (!backbone.conditions.includes(kind))
    throw inputError(where, `backbone ${backbone.name} carries ${backbone.conditions.join(' or ')} conditions; this method's is ${kind}`);
  const why = backbone.refuses?.(image, config);
  if (why) throw inputError(where, `backbone ${backbone.name} can't make images [${image}]: ${why}`);
}
