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
  console.log(of.condition, chance, found.metrics, metrics[0], metrics.at(-1));
  expect(found.metrics.error).toBeCloseTo(error(found.reconstruction), 6);
  expect(found.metrics.guess_error).toBeCloseTo(error(found.guess), 6);
  expect(found.metrics.guess_error).toBeLessThan(0.7 * chance);
  expect(found.metrics.error).toBeLessThan(0.2 * found.metrics.guess_error);
  expect([found.reconstruction.dims, found.z.dims]).toEqual([image.dims, z.dims]);
  if (of.condition.labels) expect(numbers(found.label).filter((c, i) => c === i % LABELS).length).toBeGreaterThan(20);
  else expect(numbers(found.label)).toEqual(Array(24).fill(0));
});
