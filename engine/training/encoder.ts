/** @file An encoder: a network that turns images into features. Under a linear head it is a partitioner, which says of every image how much it belongs to each of k parts. */
import type { ZodType } from 'zod';
import { inputError } from '../spec/issue.js';
import { linear } from '../tensor/layers.js';
import { layoutOf, named, type Layout, type Scope } from '../tensor/scope.js';
import { input } from '../tensor/ops/index.js';
import type { Tensor } from '../tensor/tensor.js';

export interface Encoder<C = any> {
  readonly name: string;
  readonly about: string;
  readonly config: ZodType<C>;
  /** Says why images of these sizes ([C,R,R], or [2]) don't fit, if they don't. */
  refuses?(image: readonly number[], config: C): string | undefined;
  /** Images f32[N,…image] to features f32[N,F]. */
  encode(scope: Scope, image: Tensor, config: C): Tensor;
}
export const defineEncoder = <C>(encoder: Encoder<C>): Encoder<C> => encoder;

/** What a partitioner was built with: enough to trace it again. Plain data, kept in checkpoints. */
export interface PartitionerNetwork {
  readonly encoder: string;
  readonly config: unknown;
  /** Sizes of one image. */
  readonly image: readonly number[];
  /** The number of parts. */
  readonly parts: number;
}

/** What a partitioner says of images: their features f32[N,F], and a logit for each part f32[N,k]. */
export interface Partition { readonly feature: Tensor; readonly logit: Tensor }

/** A partitioner as a function of a scope, with its leaves: those of the encoder under `trunk`, and the linear layer `head`. */
export interface PartitionerFunction {
  readonly network: PartitionerNetwork;
  readonly layout: Layout;
  apply(scope: Scope, image: Tensor): Partition;
}

/** Finds the leaves of a partitioner by tracing it once. `where` is the place in the error of an encoder that does not fit the images. */
export function partitionerFunction(network: PartitionerNetwork, encoder: Encoder, where = `encoder ${network.encoder}`): PartitionerFunction {
  const why = encoder.refuses?.(network.image, network.config);
  if (why) throw inputError(where, `encoder ${encoder.name} can't take images [${network.image}]: ${why}`);
  const apply = (scope: Scope, image: Tensor): Partition => {
    const feature = named('trunk', scope, (s) => encoder.encode(s, image, network.config));
    return { feature, logit: named('head', scope, (s) => linear(s, feature, network.parts)) };
  };
  return { network, apply, layout: layoutOf((scope) => apply(scope, input('image', { dtype: 'f32', dims: [2, ...network.image] }))) };
}
