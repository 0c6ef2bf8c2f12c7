/** @file The encoders of Logo-GAN-AE and RotNet: what they learn on tiny pictures, what a quarter turn is; and clusters of features as labels. */
import type { SessionHost } from '../../engine/session/host.js';
import { keyedRandom } from '../../engine/session/keyed-random.js';
import { createWorkerHost } from '../../engine/session/worker-host.js';
import { tensor, type TensorValue } from '../../engine/spec/value.js';
import { evaluate } from '../../engine/tensor/evaluate.js';
import { input } from '../../engine/tensor/ops/index.js';
import { partition } from '../../engine/training/encoder.js';
import type { Learner } from '../../engine/training/learner.js';
import { fetched } from '../../engine/training/networks.js';
import { kMeans } from '../../plugins/clusterers/k-means-node.js';
import { nearest } from '../../plugins/labels/nearest.js';
import { pointsLinear } from '../../plugins/partitioners/points.js';
import { resnetSmall } from '../../plugins/partitioners/resnet-small.js';
import { autoencoder, quarterTurns, rotation } from '../../plugins/self-conditioned-gan/learners.js';
import { startLearner } from '../training/learner.js';
import { servicesOf } from '../training/trainer.js';
import { numbers, rig } from './rig.js';

const seed = 31, encoders = [pointsLinear, resnetSmall], small = { type: 'resnet-small', width: 8, blocks: [1] };
let host: SessionHost;
beforeAll(async () => { host = await createWorkerHost({ threads: 1 }); });
afterAll(() => host.close());
const services = () => ({ ...servicesOf(host), component: <T>(_kind: string, name: string) => encoders.find((encoder) => encoder.name === name) as T });
const start = (learner: Learner, config: object, image: TensorValue) => startLearner(learner, { encoder: small, ...config }, { image }, services(), encoders, seed);

/** Pictures that are brighter towards the bottom, each by its own. */
const SIDE = 8, COUNT = 8;
const pictures = tensor('f32', [COUNT, 1, SIDE, SIDE], keyedRandom(seed, 'test', 0, 'pictures').normal(COUNT * SIDE ** 2)
  .map((v, i) => 0.2 * (Math.floor((i % SIDE ** 2) / SIDE) - 3.5) * (0.6 + 0.1 * Math.floor(i / SIDE ** 2)) + 0.05 * v));

test('quarter turns are to the left, four of them none', () => {
  const image = input('image', { dtype: 'f32', dims: [1, 1, 2, 2] }), feeds = { image: { dims: [1, 1, 2, 2], data: Float64Array.of(1, 2, 3, 4) } };
  expect(evaluate(quarterTurns(image) as never, feeds).map(({ data }) => Array.from(data))).toEqual([[1, 2, 3, 4], [2, 4, 1, 3], [4, 3, 2, 1], [3, 1, 4, 2]]);
});

test(`an encoder learns how pictures were turned (seed ${seed})`, async () => {
  const learner = await start(rotation, { parts: 4 }, pictures), metrics = await learner.train(60);
  expect(metrics[0]!['encoder.cross_entropy']).toBeGreaterThan(1);
  expect(metrics.at(-1)!['encoder.accuracy']).toBeGreaterThan(0.95);
  expect(learner.network.network).toMatchObject({ head: 'linear', parts: 4 });
});

test(`an auto-encoder makes pictures of their own sizes again, better and better (seed ${seed})`, async () => {
  const learner = await start(autoencoder, { parts: 4 }, pictures), metrics = await learner.train(150), errors = metrics.map((one) => one['encoder.reconstruction']!);
  expect(errors.at(-1)).toBeLessThan(0.25 * errors[0]!);
  const { feature, logit } = await partition(services(), learner.network, pictures);
  expect([logit.dims, feature.dims]).toEqual([pictures.dims, [COUNT, 8]]);
  const error = numbers(await fetched(services(), logit)).reduce((sum, v, i) => sum + (v - Number(pictures.data[i])) ** 2, 0) / pictures.data.length;
  expect(error).toBeLessThan(2 * errors.at(-1)! + 0.05);
});

test('an auto-encoder of points is refused with its place', async () => {
  const points = tensor('f32', [4, 2], new Float32Array(8));
  await expect(startLearner(autoencoder, { encoder: { type: 'points-linear' }, parts: 4 }, { image: points }, services(), encoders, seed)).rejects.toThrow('nodes.train.config.encoder');
});

test(`the nearest centre of a vector is its cluster: on the sample itself, what k-means said (seed ${seed})`, async () => {
  const random = keyedRandom(seed, 'test', 0, 'features'), feature = tensor('f32', [60, 3], random.normal(180).map((v, i) => 0.2 * v + (Math.floor(i / 3) % 4) * (i % 3)));
  const clusterer = await rig(kMeans, { k: 4 }, { host }), label = await rig(nearest, {}, { host });
  const { centres, label: clusters } = await clusterer.step(0, { feature });
  expect(centres.dims).toEqual([4, 3]);
  expect(numbers(await fetched(services(), (await label.step(0, { feature, centres })).label))).toEqual(numbers(clusters));
  await clusterer.close();
});
