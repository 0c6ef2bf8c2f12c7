/** @file A backbone: the pair of networks of a GAN as functions of a scope, and what condition they can carry. */
import type { ZodType } from 'zod';
import { inputError } from '../spec/issue.js';
import { list } from '../spec/near.js';
import type { Scope } from '../tensor/scope.js';
import type { Tensor } from '../tensor/tensor.js';

/** What a pair of networks is conditioned on: so many labels (0: none), a vector so wide (0: none), both or nothing. */
export interface Conditions { readonly labels: number; readonly width: number }

/** The condition as the networks see it: what it consists of, and its values of a batch. */
export interface Condition extends Conditions {
  /** i64[N], below `labels`; there exactly if there are labels. */
  readonly label?: Tensor;
  /** f32[N,width]; there exactly if there is a width. */
  readonly vector?: Tensor;
}

/** A condition as a caller has it: more than the networks take is left aside. */
export interface Given<T = Tensor> { readonly label?: T | undefined; readonly vector?: T | undefined }

export type ConditionKind = 'none' | 'label' | 'vector' | 'both';
export const kindOf = ({ labels, width }: Conditions): ConditionKind => (labels ? (width ? 'both' : 'label') : width ? 'vector' : 'none');

export interface Judgement {
  /** One score an image, before any sigmoid (f32[N]), or one for every `pack` of them. */
  readonly logit: Tensor;
  /** What clusterers and extractors read. f32[N,F] */
  readonly feature: Tensor;
  /** Logits of the labels, f32[N,K], of a discriminator that tells them apart. */
  readonly classes?: Tensor;
}

export interface Backbone<C = any> {
  readonly name: string;
  readonly about: string;
  readonly config: ZodType<C>;
  /** The kinds of condition that it can carry. */
  readonly conditions: readonly ConditionKind[];
  /** Says why images of these sizes ([C,R,R], or [2]) don't fit, if they don't. */
  refuses?(image: readonly number[], config: C): string | undefined;
  /** Width of the latent vector z, for images of these sizes. */
  latent(config: C, image: readonly number[]): number;
  /** f32[N,Z] and a condition to images f32[N,…image]. */
  generator(scope: Scope, z: Tensor, condition: Condition, config: C, image: readonly number[]): Tensor;
  discriminator(scope: Scope, image: Tensor, condition: Condition, config: C): Judgement;
  /** Whether the discriminator judges each image by itself (no batch statistics), so that real and fake ones may go through it together. */
  readonly perImage?: boolean;
  /** How many images in a row get one score together (1): they are one to the discriminator. Such a pair carries no condition. */
  pack?(config: C): number;
  /** Whether the discriminator tells which label an image has, in place of a score for each label. */
  classifies?(config: C): boolean;
}
export const defineBackbone = <C>(backbone: Backbone<C>): Backbone<C> => backbone;

/** How many images a discriminator of these settings sees at once. */
export const packOf = (backbone: Backbone, config: unknown): number => backbone.pack?.(config) ?? 1;

/** Refuses a backbone that can't carry the condition or make the images, naming the place. */
export function requireFit(backbone: Backbone, config: unknown, image: readonly number[], conditions: Conditions, where: string): void {
  const kind = kindOf(conditions);
  if (!backbone.conditions.includes(kind))
    throw inputError(where, `backbone ${backbone.name} carries ${list(backbone.conditions.map(spoken))}; here it gets ${spoken(kind)}`);
  const pack = packOf(backbone, config);
  if (pack > 1 && kind !== 'none') throw inputError(where, `backbone ${backbone.name} gives ${pack} images one score together, which leaves no place for ${spoken(kind)}`);
  const why = backbone.refuses?.(image, config);
  if (why) throw inputError(where, `backbone ${backbone.name} can't make images [${image}]: ${why}`);
}
const spoken = (kind: ConditionKind) => ({ none: 'no condition', label: 'labels', vector: 'vectors', both: 'labels with vectors' })[kind];
