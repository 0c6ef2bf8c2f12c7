/** @file The programs of an inversion: where it starts, one step on the latents of a batch, and the images that latents make. */
import {
  abs, add, argMax, compiledOnce, conditionShapes, generatorSymbols, grad, input, less, mul, networkPair, partitionerOf, partitionerSymbols, reshape, slice, square, sub, sum, where,
  type Backbone, type Executable, type Networks, type Optimiser, type Partitioner, type Program, type ProgramState, type Services, type Tensor, type TensorShape,
} from '../../engine/index.js';

type PartitionerNetwork = Partitioner['network'];
const f32 = (...dims: number[]): TensorShape => ({ dtype: 'f32', dims });

/** What an inversion is made of, besides values: enough to trace its programs. */
export interface Inversion {
  readonly networks: Networks;
  readonly encoder: PartitionerNetwork;
  readonly optimiser: Optimiser;
  /** The optimiser's settings, parsed. */
  readonly config: unknown;
  /** Weight of the squared distance of features. */
  readonly features: number;
}

/** Where images start: latents F_z(x), the largest logit of F_c(x), and the feature r = F(x) that the way is led by. */
const startProgram = (services: Services, { encoder, networks: { latent, condition: { labels } } }: Inversion, count: number): Program => {
  const { inputs, apply } = partitionerSymbols(partitionerOf(services, encoder)), image = input('image', f32(count, ...encoder.image)), { feature, logit } = apply(image);
  return { name: 'inversion start', inputs: { image, ...inputs }, state: {}, outputs: { feature, z: slice(logit, 1, 0, latent), ...(labels && { label: argMax(slice(logit, 1, latent, latent + labels), 1) }) } };
};

const sumOfEach = (x: Tensor): Tensor => sum(x, x.dims.slice(1).map((_, axis) => axis + 1));

/** The loss of every image, f32[N]: |made - image|_1 + weight |feature(made) - feature|_2^2, both sums over what an image and a feature consist of. */
export const losses = (made: Tensor, image: Tensor, itsFeature: Tensor, feature: Tensor, weight: number): Tensor =>
  add(sumOfEach(abs(sub(made, image))), mul(sumOfEach(square(sub(itsFeature, feature))), weight));

/**
 * One step on the latents of a batch. Every image has a loss of its own, and its latents the gradient of that alone: both networks are in evaluation mode, so the images of a batch do not
 * see each other. State: `z`, its moments, and the latents `best` with the least loss so far, `least`. Outputs: `loss` f32[N] at z before the step, `gradient` f32[N,Z] of their sum.
 */
export function stepProgram(services: Services, { networks, encoder, optimiser, config, features }: Inversion, count: number): Program {
  const g = generatorSymbols(networkPair(networks, services.component<Backbone>('backbone', networks.backbone))), f = partitionerSymbols(partitionerOf(services, encoder));
  const moments = optimiser.moments(config), state = (name: string, ...dims: number[]) => input(name, f32(count, ...dims));
  const z = state('z', networks.latent), best = state('best', networks.latent), least = state('least'), before = Object.fromEntries(moments.map((name) => [name, state(name, networks.latent)]));
  const condition = Object.fromEntries(Object.entries(conditionShapes(networks, count)).map(([name, shape]) => [name, input(name, shape)]));
  const scalars = input('scalars', f32(optimiser.scalars(config, 1, 1).length));
  const made = g.apply(z, condition), itsFeature = f.apply(made).feature, image = input('image', f32(count, ...networks.image)), feature = input('feature', itsFeature.shape);
  const loss = losses(made, image, itsFeature, feature, features), [gradient] = grad(sum(loss), [z]);
  const parts = Array.from({ length: scalars.dims[0] as number }, (_, i) => reshape(slice(scalars, 0, i, i + 1), []));
  const { parameters, moments: after } = optimiser.update(config, z, gradient!, before, parts), better = less(loss, least);
  const states: Record<string, ProgramState> = {
    z: { value: z, next: parameters },
    best: { value: best, next: where(reshape(better, [count, 1]), z, best) },
    least: { value: least, next: where(better, loss, least) },
    ...Object.fromEntries(moments.map((name) => [name, { value: before[name]!, next: after[name]! }])),
  };
  return { name: 'inversion step', inputs: { image, feature, scalars, ...condition, ...g.inputs, ...f.inputs }, state: states, outputs: { loss, gradient: gradient! } };
}

/** Both compiled, once for each number of images in a call. */
export async function programsOf(services: Services, inversion: Inversion, count: number): Promise<{ readonly start: Executable; readonly step: Executable }> {
  const { networks, encoder, optimiser, config, features } = inversion, key = JSON.stringify({ networks, encoder, optimiser: optimiser.name, config, features, count });
  return {
    start: await compiledOnce(services.host, `inversion start ${key}`, () => startProgram(services, inversion, count)),
    step: await compiledOnce(services.host, `inversion step ${key}`, () => stepProgram(services, inversion, count)),
  };
}
