/** @file The exported generator, in ONNX Runtime alone: the same images as `generate` with the averaged weights, for any count. */
import ort from 'onnxruntime-node';
import type { SessionHost } from '../../engine/session/host.js';
import { keyedRandom } from '../../engine/session/keyed-random.js';
import { createWorkerHost } from '../../engine/session/worker-host.js';
import { tensor, type TensorValue } from '../../engine/spec/value.js';
import { readModel } from '../../engine/tensor/onnx/schema.js';
import { exportGenerator } from '../../engine/training/export.js';
import { generate, networkPair } from '../../engine/training/networks.js';
import { mlpMaxout } from '../../plugins/backbones/mlp-maxout.js';
import { LABELS, seed } from './small.js';
import { servicesOf, startTrainer, type Given } from './trainer.js';

let host: SessionHost;
beforeAll(async () => { host = await createWorkerHost({ threads: 1 }); });
afterAll(() => host.close());

const dcgan = { type: 'dcgan-shallow', latent: 5, embedding: 3, generator: 2, discriminator: 2 };
const picture: Given = { image: { dtype: 'f32', dims: [4, 3, 16, 16] }, label: { dtype: 'i64', dims: [4], below: LABELS } };

test.each<[string, object, Given, readonly number[]]>([
  ['points', { averaging: { decay: 0.9 } }, {}, [2]],
  ['pictures', { backbone: dcgan, averaging: { decay: 0.9, statistics: false } }, picture, [3, 16, 16]],
])(`%s: the averaged generator, for one and for seven at once (seed ${seed})`, async (_, config, given, image) => {
  const trainer = await startTrainer(host, config, given), services = servicesOf(host);
  for (let wave = 0; wave < 3; wave++) await trainer.step(wave);
  const { weights } = trainer, { latent } = weights.networks;
  const session = await ort.InferenceSession.create(await exportGenerator(weights, services));
  expect([session.inputNames, session.outputNames]).toEqual([['z', 'label'], ['image']]);
  for (const count of [1, 7]) {
    const z = keyedRandom(seed, 'sample', count, 'z').normal(count * latent), labels = BigInt64Array.from({ length: count }, (_, i) => BigInt(i % LABELS));
    const made = await session.run({ z: new ort.Tensor('float32', z, [count, latent]), label: new ort.Tensor('int64', labels, [count]) });
    expect(made.image!.dims).toEqual([count, ...image]);
    const of = async (averaged: boolean) => ((await generate(services, weights, tensor('f32', [count, latent], z), { label: tensor('i64', [count], labels) }, averaged)) as TensorValue).data as Float32Array;
    const [averaged, live, got] = [await of(true), await of(false), made.image!.data as Float32Array];
    const apart = (a: Float32Array, b: Float32Array) => a.reduce((most, v, i) => Math.max(most, Math.abs(v - b[i]!)), 0);
    expect(apart(got, averaged)).toBeLessThan(1e-5);
    expect(apart(got, live)).toBeGreaterThan(1e-4);
  }
  await session.release();
});

test('leaves are initialisers of their own names, and the file says what its networks are', async () => {
  const { weights } = await startTrainer(host);
  const { graph, metadataProps } = readModel(await exportGenerator(weights, servicesOf(host)));
  const { parameters, buffers } = networkPair(weights.networks, mlpMaxout).generator.layout;
  const initialisers = new Map(graph!.initializer!.map(({ name, dims = [] }) => [name, dims.map(Number)]));
  for (const { path, dims } of [...parameters, ...buffers]) expect([path, initialisers.get(path)]).toEqual([path, dims]);
  expect(initialisers.get('layer4.norm.running_var')).toEqual([6]);
  const [{ key, value }] = metadataProps as [{ key: string; value: string }];
  expect([key, JSON.parse(value)]).toEqual(['gantry', JSON.parse(JSON.stringify(weights.networks))]);
});

test('an unconditional generator takes latents alone', async () => {
  const { weights } = await startTrainer(host, {}, { label: { dtype: 'i64', dims: [8], below: 1 } });
  const session = await ort.InferenceSession.create(await exportGenerator(weights, servicesOf(host)));
  expect(session.inputNames).toEqual(['z']);
  const made = await session.run({ z: new ort.Tensor('float32', new Float32Array(6), [3, 2]) });
  expect(made.image!.dims).toEqual([3, 2]);
  await session.release();
});
