/** @file An encoder: a network that turns images into features. Under a linear head it is a partitioner, which says of every image how much it belongs to each of k parts. */
import type { ZodType } from 'zod';
import type { Services } from '../dataflow/context.js';
import { compiledOnce } from '../session/compiled-once.js';
import type { RunOptions } from '../session/host.js';
import { inputError } from '../spec/issue.js';
import type { Tensorial } from '../spec/value.js';
import { conv, linear, transposedConv } from '../tensor/layers.js';
import { layoutOf, named, type Layout, type Scope } from '../tensor/scope.js';
import { input, relu, reshape, tanh } from '../tensor/ops/index.js';
import type { Program } from '../tensor/program.js';
import type { Tensor } from '../tensor/tensor.js';
import { bindNetwork, stateShapes } from './networks.js';
import type { Partitioner } from './values.js';

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
  /** The number of parts, or of what the head projects to. */
  readonly parts: number;
  readonly head: Head;
}
/**
 * `linear`: one layer, whose outputs are a partitioner's logits. `projection`: two with a ReLU between, as contrastive learning has them, of the features' width inside.
 * `image`: a decoder, images of the encoder's own sizes from transposed convolutions, with so many channels (`parts`) in the last hidden layer and twice as many in each before.
 * `inverse`: one layer, whose outputs are the latents that a generator would make the image of and, after them, the logits of its label.
 */
export type Head = 'linear' | 'projection' | 'image' | 'inverse';

/** What a partitioner says of images: their features f32[N,F], and a logit for each part f32[N,k]; from a decoder, images f32[N,…image] in their place; from an inverse, latents and logits. */
export interface Partition { readonly feature: Tensor; readonly logit: Tensor }

/** A partitioner as a function of a scope, with its leaves: those of the encoder under `trunk`, those of its head under `head`. */
export interface PartitionerFunction {
  readonly network: PartitionerNetwork;
  readonly layout: Layout;
  apply(scope: Scope, image: Tensor): Partition;
}

const heads: Readonly<Record<Head, (s: Scope, feature: Tensor, parts: number, image: readonly number[]) => Tensor>> = {
  linear: (s, feature, parts) => linear(s, feature, parts),
  projection: (s, feature, parts) => linear(s.at('out'), relu(linear(s.at('hidden'), feature, feature.dims[1] as number)), parts),
  image: decoder,
  inverse: (s, feature, parts) => linear(s, feature, parts),
};

/** A linear layer to an image of few places, doubled until it is as large as it should be; ReLU between, tanh at last. */
function decoder(s: Scope, feature: Tensor, width: number, [channels, height, breadth]: readonly number[]): Tensor {
  let [h, w, doublings] = [height!, breadth!, 0];
  while (h % 2 === 0 && w % 2 === 0 && Math.min(h, w) > 4) [h, w, doublings] = [h / 2, w / 2, doublings + 1];
  const first = width * 2 ** Math.max(0, doublings - 1);
  let image = reshape(linear(s.at('seed'), feature, first * h * w), [feature.dims[0]!, first, h, w]);
  for (let i = 1; i < doublings; i++) image = transposedConv(s.at(`layer${i}`), relu(image), first / 2 ** i, { kernel: 4, stride: 2, padding: 1 });
  return tanh(doublings ? transposedConv(s.at('out'), relu(image), channels!, { kernel: 4, stride: 2, padding: 1 }) : conv(s.at('out'), relu(image), channels!, { kernel: 3, padding: 1 }));
}

/** Throws an InputError with the place `where` when the encoder doesn't fit the images. */
export function requireEncoderFit({ image, config, head }: PartitionerNetwork, encoder: Encoder, where: string): void {
  if (head === 'image' && image.length !== 3) throw inputError(where, `there are no images to decode: what it is given is [${image}]`);
  const why = encoder.refuses?.(image, config);
  if (why) throw inputError(where, `encoder ${encoder.name} can't take images [${image}]: ${why}`);
}

/** Finds the leaves of a partitioner by tracing it once. */
export function partitionerFunction(network: PartitionerNetwork, encoder: Encoder): PartitionerFunction {
  requireEncoderFit(network, encoder, `encoder ${network.encoder}`);
  const apply = (scope: Scope, image: Tensor): Partition => {
    const feature = named('trunk', scope, (s) => encoder.encode(s, image, network.config));
    return { feature, logit: named('head', scope, (s) => heads[network.head](s, feature, network.parts, network.image)) };
  };
  return { network, apply, layout: layoutOf((scope) => apply(scope, input('image', { dtype: 'f32', dims: [2, ...network.image] }))) };
}

/** The same by its encoder's name. */
export const partitionerOf = (services: Services, network: PartitionerNetwork): PartitionerFunction =>
  partitionerFunction(network, services.component<Encoder>('encoder', network.encoder));

/** The state of a frozen partitioner as inputs of a program, and the partitioner in evaluation mode. */
export function partitionerSymbols({ layout, apply }: PartitionerFunction) {
  const symbols = Object.fromEntries(Object.entries(stateShapes('encoder', layout)).map(([name, shape]) => [name, input(name, shape)]));
  const scope = bindNetwork('encoder', layout, symbols).scope(false);
  return { inputs: symbols, apply: (image: Tensor) => apply(scope, image) };
}

/** Evaluation: `image` f32[N,…] to `feature` and `logit`. */
const partitionProgram = (partitioner: PartitionerFunction): Program => {
  const { inputs, apply } = partitionerSymbols(partitioner), image = input('image', { dtype: 'f32', dims: ['N', ...partitioner.network.image] });
  return { name: 'partitioner', inputs: { image, ...inputs }, state: {}, outputs: { ...apply(image) } };
};

/** What a frozen partitioner says of images, in evaluation mode. `keep` names what stays in the host. */
export async function partition(services: Services, { network, state }: Partitioner, image: Tensorial, options?: RunOptions): Promise<{ readonly feature: Tensorial; readonly logit: Tensorial }> {
  const run = await compiledOnce(services.host, `partitioner ${JSON.stringify(network)}`, () => partitionProgram(partitionerOf(services, network)));
  const { feature, logit } = (await run.run({}, { image, ...state }, options)).outputs;
  return { feature: feature!, logit: logit! };
}
