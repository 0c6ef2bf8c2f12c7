/** @file A method: what differs between GANs. The batch it wants, which port is the condition, and phases with named losses. Becomes the node type `train/<name>`. */
import type { ZodType } from 'zod';
import type { Ports, TypeOf } from '../dataflow/node.js';
import type { TensorType } from '../spec/tensor-type.js';
import type { Leaf } from '../tensor/scope.js';
import type { Tensor } from '../tensor/tensor.js';
import type { Given, Judgement } from './backbone.js';
import type { Partition } from './encoder.js';

export type NetworkName = 'generator' | 'discriminator';
export const NETWORKS: readonly NetworkName[] = ['generator', 'discriminator'];
/** What a training step may train: a GAN's networks, or an encoder. */
export type TrainedName = NetworkName | 'encoder';

/** Optional ports (`name?`) are undefined where they are not wired. */
export type TensorPorts<P extends Ports> = { readonly [K in keyof P as K extends `${string}?` ? never : TypeOf<P[K]> extends TensorType ? K : never]: Tensor } & {
  readonly [K in keyof P as K extends `${infer Name}?` ? Name : never]?: Tensor;
};
type PortName<P> = P extends `${infer Name}?` ? Name : P;

/** What a method's losses are written in. Networks read their leaves as of now: a phase that comes later sees the update of the one before. */
export interface Trace<B extends Ports, C> {
  /** Images from latents and conditions, in training mode. */
  G(z: Tensor, condition: Given): Tensor;
  D(image: Tensor, condition: Given): Judgement;
  /** D's scores of several batches, in one pass where it judges each image by itself: the same numbers from fewer, larger products. */
  scores(...batches: readonly (readonly [image: Tensor, condition: Given])[]): readonly Tensor[];
  readonly batch: TensorPorts<B>;
  /** Fresh normal latents f32[B,Z] by name; the same name is the same draw. */
  z(name?: string): Tensor;
  /** Fresh uniform numbers in [0,1), f32[B], by name; the same name is the same draw. */
  uniform(name: string): Tensor;
  /** A network's parameters by leaf, as of now. */
  leaves(network: NetworkName): readonly (Leaf & { readonly value: Tensor })[];
  /** What the frozen partitioner on the port `partitioner` says of images; undefined where none is wired. Gradients flow to the images. */
  readonly partition?: (image: Tensor) => Partition;
  /** Scheduled scalars, by the names in `schedules`. */
  readonly schedule: Readonly<Record<string, Tensor>>;
  readonly options: C;
}

export interface Phase {
  readonly trains: TrainedName;
  /** Named terms, each f32[]; the loss is their sum, and every one is reported. Traced after the updates of earlier phases. */
  losses(): Readonly<Record<string, Tensor>>;
  /** More scalars to report, not part of the loss. */
  report?(): Readonly<Record<string, Tensor>>;
  /** Only in waves divisible by it (1). */
  readonly every?: number;
  /** Updates in a row (1), each on a slice of the batch. */
  readonly times?: number;
}

export interface Method<Name extends string = string, B extends Ports = any, C = any> {
  readonly name: Name;
  readonly about: string;
  /**
   * Event inputs of the training node; tensors of batch size B, one of them `image`. Those written `name?` need not be wired. One may be a frozen partitioner that losses
   * ask: `{ latest: '@partitioner[K,...S]' }` on the port `partitioner`.
   */
  readonly batch: B;
  /** The ports that say what both networks are conditioned on: `i64<K>[B]` (a single label is no condition) and `f32[B,E]`. One that is not wired is no condition. */
  readonly condition: { readonly label?: PortName<keyof B & string>; readonly vector?: PortName<keyof B & string> };
  /** It wants a discriminator that tells labels apart (`Backbone.classifies`); the others want one that doesn't. */
  readonly classifies?: boolean;
  /** The method's own options, beside those that all methods share. */
  readonly options: ZodType<C>;
  schedules?(options: C): Readonly<Record<string, (wave: number) => number>>;
  phases(trace: Trace<B, C>): readonly Phase[];
}
export function defineMethod<const Name extends string, const B extends Ports, C>(method: Method<Name, B, C>): Method<Name, B, C> {
  return method;
}
