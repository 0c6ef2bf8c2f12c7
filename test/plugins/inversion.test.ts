/** @file Inversion: the gradient of its step, what it finds of images that the generator itself made, and the errors that are drawn. */
import type { SessionHost } from '../../engine/session/host.js';
import { keyedRandom } from '../../engine/session/keyed-random.js';
import { createWorkerHost } from '../../engine/session/worker-host.js';
import { elements, tensor, type TensorValue } from '../../engine/spec/value.js';
import { initialise } from '../../engine/tensor/scope.js';
import { evaluate } from '../../engine/tensor/evaluate.js';
import { partitionerOf } from '../../engine/training/encoder.js';
import { drawLatents, generate, networkPair, rows } from '../../engine/training/networks.js';
import type { Networks, Partitioner, Weights } from '../../engine/training/values.js';
import { dcganShallow } from '../../plugins/backbones/dcgan.js';
import { errors, errorsOf } from '../../plugins/inversion/errors.js';
import { invert, invertImages } from '../../plugins/inversion/invert.js';
import { inverter } from '../../plugins/inversion/learner.js';
import { stepProgram } from '../../plugins/inversion/program.js';
import { reconstructions } from '../../plugins/inversion/sheet.js';
import { adam } from '../../plugins/optimisers/adam.js';
import { strided } from '../../plugins/partitioners/strided.js';
import { startLearner } from '../training/learner.js';
import { servicesOf } from '../training/trainer.js';
import { numbers, rig } from './rig.js';

const seed = 41, LABELS = 3, LATENT = 4;
const config = { type: 'dcgan-shallow', ...{ latent: LATENT, embedding: 3, generator: 4, discriminator: 2, pack: 1 } };
const networks: Networks = { backbone: 'dcgan-shallow', config, image: [1, 16, 16], condition: { labels: LABELS, width: 0 }, latent: LATENT };
const alone: Networks = { ...networks, condition: { labels: 0, width: 0 } };
const component = <T>(_kind: string, name: string) => [dcganShallow, strided, adam].find((part) => part.name === name) as T;
const draws = (name: string) => keyedRandom(seed, 'test', 0, name);

let host: SessionHost;
const services = () => ({ ...servicesOf(host), component });
beforeAll(async () => { host = await createWorkerHost({ threads: 1 }); });
afterAll(() => host.close());

/** A generator as it is drawn, but with three times the weights, for images that differ, and running statistics of 0 and 1. */
async function drawn(of: Networks): Promise<Weights> {
  const { generator: { layout } } = networkPair(of, dcganShallow), state: Record<string, Awaited<ReturnType<SessionHost['put']>>> = {};
  for (const kind of ['parameters', 'buffers'] as const) {
    const values = initialise(layout[kind], (path) => draws(path)) as unknown as Iterator<unknown, Float32Array>;
    let next = values.next();
    while (!next.done) next = values.next();
    state[`generator/${kind}`] = await host.put(tensor('f32', [next.value.length], kind === 'parameters' ? next.value.map((v) => 3 * v) : next.value));
  }
  return { networks: of, averaged: false, state };
}

/** Images of fresh latents and labels. */
async function made(weights: Weights, count: number, name: string) {
  const label = tensor('i64', [count], BigInt64Array.from({ length: count }, (_, i) => BigInt(i % LABELS))), z = drawLatents(weights.networks, draws(name), count);
  return { image: await generate(services(), weights, z, { label }) as TensorValue, z, label: { ...label, below: weights.networks.condition.labels || 1 } };
}

const trained = async (weights: Weights, waves: number) => {
  const learner = await startLearner(inverter, { encoder: { type: 'strided', width: 8, layers: 2 }, optimiser: { type: 'adam', lr: 0.005 } }, await made(weights, 256, 'training'), services(), [strided], seed);
  return { metrics: await learner.train(waves), encoder: learner.network as Partitioner };
};
const parsed = adam.config.parse({ type: 'adam', lr: 0.05 });

test(`the gradient of every image's latents is that of its own loss, by differences in float64 (seed ${seed})`, () => {
  const encoder = { encoder: 'strided', config: { type: 'strided', width: 2, layers: 2 }, image: networks.image, parts: LATENT + LABELS, head: 'inverse' } as const;
  const { inputs, state, outputs } = stepProgram(services(), { networks, encoder, optimiser: adam, config: parsed, features: 0.3 }, 2);
  const symbols = { ...inputs, ...Object.fromEntries(Object.entries(state).map(([name, { value }]) => [name, value])) };
  const feeds = Object.fromEntries(Object.entries(symbols).map(([name, { dims }]) => {
    const sizes = dims as readonly number[], values = draws(name).normal(elements(sizes)), positive = name.endsWith('buffers');
    return [name, { dims: sizes, data: name === 'label' ? Float64Array.of(2, 0) : Float64Array.from(values, (v) => (positive ? 0.5 + Math.abs(v) : 0.4 * v)) }];
  }));
  const at = (z: Float64Array) => evaluate([outputs.loss, outputs.gradient] as never, { ...feeds, z: { dims: [2, LATENT], data: z } }).map(({ data }) => Array.from(data, Number));
  const z = feeds.z!.data, [, gradient] = at(z), step = 1e-6;
  for (let i = 0; i < z.length; i++) {
    const [above, below] = [1, -1].map((sign) => at(z.map((v, j) => (j === i ? v + sign * step : v)))[0]!) as [number[], number[]];
    const own = Math.floor(i / LATENT);
    expect((above[own]! - below[own]!) / (2 * step)).toBeCloseTo(gradient![i]!, 4);
    expect(above[1 - own]).toBe(below[1 - own]);
  }
  expect(Math.max(...gradient!.map(Math.abs))).toBeGreaterThan(0.1);
});

test.each([['with labels', networks], ['without', alone]] as const)(`a generator %s makes its own images again, nearer than the encoder's guess, which is nearer than chance (seed ${seed})`, async (_, of) => {
  const weights = await drawn(of), { metrics, encoder } = await trained(weights, 150), { image, label, z } = await made(weights, 24, 'queries');
  expect(metrics.at(-1)!['encoder.latent']).toBeLessThan(0.5 * metrics[0]!['encoder.latent']!);
  expect(encoder.network).toMatchObject({ head: 'inverse', parts: LATENT + of.condition.labels });
  const node = await rig(invertImages, { steps: 150, batch: 10 }, { host, component, seed });
  const found = await node.step(0, { image, weights, encoder });
  const error = (images: TensorValue) => numbers(images).reduce((sum, v, i) => sum + Math.abs(v - Number(image.data[i])), 0) / image.data.length;
  const chance = error(await generate(services(), weights, drawLatents(of, draws('others'), 24), { label }) as TensorValue);
  expect(found.metrics.error).toBeCloseTo(error(found.reconstruction), 6);
  expect(found.metrics.guess_error).toBeCloseTo(error(found.guess), 6);
  expect(found.metrics.guess_error).toBeLessThan(0.7 * chance);
  expect(found.metrics.error).toBeLessThan(0.2 * found.metrics.guess_error);
  expect([found.reconstruction.dims, found.z.dims]).toEqual([image.dims, z.dims]);
  if (of.condition.labels) expect(numbers(found.label).filter((c, i) => c === i % LABELS).length).toBeGreaterThan(20);
  else expect(numbers(found.label)).toEqual(Array(24).fill(0));
});

describe(`an inversion (seed ${seed})`, () => {
  let weights: Weights, encoder: Partitioner, image: TensorValue;
  beforeAll(async () => {
    weights = await drawn(networks);
    ({ encoder } = await trained(weights, 20));
    ({ image } = await made(weights, 7, 'queries'));
  });
  const node = (config: object = {}) => rig(invertImages, { steps: 12, ...config }, { host, component, seed });

  test('without a step is the encoder\'s guess; it finds no more loss than it began with, and less with more steps', async () => {
    const none = await (await node({ steps: 0 })).step(0, { image, weights, encoder }), some = await (await node()).step(0, { image, weights, encoder }), more = await (await node({ steps: 40 })).step(0, { image, weights, encoder });
    expect(numbers(none.reconstruction)).toEqual(numbers(none.guess));
    expect(none.metrics.loss).toBe(none.metrics.guess_loss);
    expect(some.metrics.guess_loss).toBe(none.metrics.loss);
    expect(some.metrics.loss).toBeLessThan(none.metrics.loss);
    expect(more.metrics.loss).toBeLessThan(some.metrics.loss);
    // A rate that throws latents far away at once: the guess stays the best that was met.
    const thrown = await (await node({ optimiser: { type: 'adam', lr: 1000 } })).step(0, { image, weights, encoder });
    expect(thrown.metrics.loss).toBeLessThanOrEqual(none.metrics.loss);
  });

  test('is the same whenever it is asked, and of every image by itself: whatever else is in its batch', async () => {
    const [whole, again, parts] = [await (await node()).step(0, { image, weights, encoder }), await (await node()).step(5, { image, weights, encoder }), await (await node({ batch: 3 })).step(0, { image, weights, encoder })];
    expect(numbers(again.reconstruction)).toEqual(numbers(whole.reconstruction));
    numbers(parts.z).forEach((v, i) => { expect(v).toBeCloseTo(Number(whole.z.data[i]), 3); });
    const one = await invert(services(), { networks, encoder: encoder.network, optimiser: adam, config: parsed, features: 5e-4 }, { weights, encoder }, rows(image, 4, 5), { steps: 12, rate: 0.05 });
    numbers(one.z).forEach((v, i) => { expect(v).toBeCloseTo(Number(whole.z.data[4 * LATENT + i]), 3); });
    expect(one.first[0]).toBeGreaterThan(one.last[0]!);
  });

  test('leaves nothing of its own in the host', async () => {
    const step = await node();
    await step.step(0, { image, weights, encoder });
    const before = host.residents.size;
    await step.step(1, { image, weights, encoder });
    expect(host.residents.size).toBe(before);
  });

  test.each([
    ['another generator\'s encoder', () => ({ weights: { ...weights, networks: alone } }), {}, 'nodes.node.in.encoder: it gives 7 numbers'],
    ['an encoder of something else', () => ({ encoder: { ...encoder, network: { ...encoder.network, head: 'linear' } } }), {}, 'says nothing of latents'],
    ['a generator of vectors', () => ({ weights: { ...weights, networks: { ...networks, condition: { labels: 0, width: 5 } } } }), {}, 'nodes.node.in.weights: this generator is conditioned on vectors'],
    ['an optimiser without a rate', () => ({}), { optimiser: { type: 'adam' } }, 'nodes.node.config.optimiser: lr'],
  ])('%s is refused', async (_, changed, config, says) => {
    await expect((async () => (await node(config)).step(0, { image, weights, encoder, ...changed() }))()).rejects.toMatchObject({ exitCode: 2, message: expect.stringContaining(says) });
  });

  test('the networks of an encoder: as many numbers as latents and labels, one layer for both', () => {
    const { layout } = partitionerOf(services(), encoder.network);
    expect(layout.parameters.filter(({ path }) => path.startsWith('head.')).map(({ path, dims }) => [path, dims])).toEqual([['head.weight', [7, 16 * 16]], ['head.bias', [7]]]);
  });
});

describe('errors and sheets', () => {
  const target = tensor('f32', [4, 1, 1, 2], Float32Array.of(0, 0, 1, 1, 0.5, -0.5, -1, 1)), label = tensor('i64', [4], BigInt64Array.of(9n, 2n, 9n, 9n));
  const near = { ...target, data: Float32Array.of(0.25, 0, 1, 1, 0.5, -0.5, -1, 0.75) }, far = { ...target, data: Float32Array.of(1, 1, 0, 0, 0.5, 0.5, 0, 0) };

  test('are averages of every image, and cluster by cluster', async () => {
    expect(Array.from(errorsOf(target.data as Float32Array, far.data, 4, 'absolute'))).toEqual([1, 1, 0.5, 1]);
    expect(Array.from(errorsOf(target.data as Float32Array, far.data, 4, 'euclidean')).map((v) => v ** 2)).toEqual([2, 2, 1, 2].map((v) => expect.closeTo(v, 5)));
    const { metrics, picture } = await (await rig(errors, { names: ['near', 'far'] })).step(0, { target, label, near, far });
    expect(metrics).toEqual({ near: 0.0625, near_of_clusters: expect.closeTo(1 / 24, 6), far: 0.875, far_of_clusters: expect.closeTo((1 + 2.5 / 3) / 2, 6) });
    expect(picture).toMatchObject({ kind: 'bars', groups: ['2', '9'], series: [{ name: 'near', values: [0, expect.closeTo(1 / 12, 6)] }, { name: 'far', values: [1, expect.closeTo(2.5 / 3, 6)] }] });
  });

  test('a sheet has a row for each image, the target first, cluster by cluster', async () => {
    const { picture } = await (await rig(reconstructions, { names: ['near', 'far'], each: 2 })).step(0, { image: target, label, near, far });
    expect(picture).toMatchObject({ kind: 'images', columns: 3, apart: 1, title: 'targets; near, far' });
    const row = (images: TensorValue, i: number) => numbers(images).slice(2 * i, 2 * i + 2);
    expect(numbers(picture.images)).toEqual([1, 0, 2].flatMap((i) => [target, near, far].flatMap((images) => row(images, i))));
  });

  test('names of inputs that a node has already, or twice the same, are refused', () => {
    for (const names of [['image'], ['target'], ['a', 'a'], []]) expect(errors.config.safeParse({ names }).success).toBe(false);
  });
});
