import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { SessionHost } from '../../engine/session/host.js';
import { keyedRandom } from '../../engine/session/keyed-random.js';
import { createWorkerHost } from '../../engine/session/worker-host.js';
import { tensor, type Resident } from '../../engine/spec/value.js';
import { encode } from '../../engine/tensor/onnx/encode.js';
import { constant, flatten, matmul, slice } from '../../engine/tensor/ops/index.js';
import { program } from '../../engine/tensor/program.js';
import type { Dataset } from '../../engine/training/values.js';
import { idx } from '../../plugins/data/idx.js';
import { mixture as mixtureData } from '../../plugins/data/mixture.js';
import { stackedDigits } from '../../plugins/data/stacked-digits.js';
import { agreement } from '../../plugins/metrics/clusters.js';
import { interpolation, openClassifier } from '../../plugins/metrics/digit-classifier.js';
import { digits, modeIds } from '../../plugins/metrics/digits.js';
import { reverseKls } from '../../plugins/metrics/divergence.js';
import { images } from '../../plugins/metrics/images.js';
import { cover, mixture, score } from '../../plugins/metrics/mixture.js';
import { means as meansOf } from '../../plugins/data/mixture.js';
import { readNpz } from '../parity/npz.js';
import { plainMoments } from './plain-moments.js';
import { numbers, rig, shared, whenShared } from './rig.js';

const fixtures = path.join(shared, 'fixtures/self-cond-and-pgmgan');
const fixture = async (name: string) => ({
  arrays: await readNpz(path.join(fixtures, `${name}.npz`)),
  scalars: JSON.parse(await readFile(path.join(fixtures, `${name}.json`), 'utf8')).scalars,
});

describe('metrics/mixture', () => {
  test('scores a perfect sampler as theory says, and shows it', async () => {
    const data = await rig(mixtureData, { layout: 'grid', points: 10 });
    const dataset = data.initial.dataset as Dataset;
    const fake = dataset.fresh!(10_000, keyedRandom(1, 'metrics', 0, 'fake')).image;
    const { metrics, picture } = await (await rig(mixture, {})).step(0, { fake, dataset, real: fake });
    expect(metrics.modes).toBe(25);
    expect(metrics.high_quality_box).toBeCloseTo(0.99461, 2);
    expect(metrics.high_quality_disc).toBeCloseTo(0.98889, 2);
    // Labels are drawn, so the floor is (K - 1) / 2N.
    expect(metrics.reverse_kl).toBeLessThan(0.003);
    expect(metrics.reverse_kl_log10).toBeCloseTo(metrics.reverse_kl / Math.LN10, 9);
    expect(metrics.variance_ratio).toBeCloseTo(0.973, 1);
    expect(metrics.variance_ratio_min).toBeGreaterThan(0.75);
    expect(picture.series.map(({ name, points }: { name: string; points: Float32Array }) => [name, points.length])).toEqual([['real', 8000], ['fake', 8000]]);
  });

  test('wants a data set with known modes', async () => {
    const node = await rig(mixture, {});
    await expect(node.step(0, { fake: tensor('f32', [1, 2], new Float32Array(2)), dataset: { name: 'photos' } })).rejects.toThrow('photos has no known modes');
  });

  whenShared('agrees with the reference (sc_metrics2d)', async () => {
    const { arrays, scalars } = await fixture('sc_metrics2d');
    for (const expected of scalars.cases) {
      const points = arrays.get(`${expected.name}/points`)!.data as Float32Array;
      const means = meansOf(mixtureData.config.parse({ layout: expected.kind })), { variance } = expected;
      const ours = score(await cover(points, { means, variance }), points.length / 2, variance);
      expect([expected.name, ours.modes]).toEqual([expected.name, expected.modes]);
      expect(ours.high_quality_box).toBeCloseTo(expected.high_quality_fraction, 9);
      expect(ours.reverse_kl).toBeCloseTo(expected.reverse_kl_nats, 9);
    }
  });
});

describe('metrics/clusters', () => {
  test('names both purities', () => {
    // Clusters split the two classes further.
    expect(agreement([0, 0, 1, 1, 2, 2], [0, 0, 0, 0, 1, 1])).toMatchObject({ purity: 1, purity_swapped: 4 / 6, clusters: 3, classes: 2 });
    expect(agreement([1, 0, 1], [5, 7, 5]).nmi).toBeCloseTo(1, 12);
    expect(agreement([0, 0, 1, 1], [0, 1, 0, 1]).nmi).toBeCloseTo(0, 12);
  });

  whenShared('agrees with the reference (sc_metrics_misc)', async () => {
    const { arrays, scalars } = await fixture('sc_metrics_misc');
    scalars.cluster_cases.forEach((expected: Record<string, number>, i: number) => {
      const ours = agreement(arrays.get(`case${i}/clusters`)!.data as Int32Array, arrays.get(`case${i}/classes`)!.data as Int32Array);
      expect(ours.nmi).toBeCloseTo(expected.nmi!, 9);
      expect(ours.purity).toBeCloseTo(expected.purity_standard!, 9);
      expect(ours.purity_swapped).toBeCloseTo(expected.purity_as_reference_cli!, 9);
    });
    scalars.kl_cases.forEach((expected: Record<string, number>, i: number) => {
      const ours = reverseKls(arrays.get(`kl${i}/counts`)!.data as Int32Array);
      expect(ours.reverse_kl).toBeCloseTo(expected.reverse_kl_nats!, 9);
      expect(ours.reverse_kl_log10).toBeCloseTo(expected.reverse_kl_log10!, 9);
    });
  });
});

describe('metrics/digits', () => {
  let host: SessionHost, folder: string;
  beforeAll(async () => {
    host = await createWorkerHost({ threads: 1 });
    folder = await mkdtemp(path.join(os.tmpdir(), 'gantry-digits-'));
  });
  afterAll(async () => {
    await host.close();
    await rm(folder, { recursive: true });
  });

  /** A classifier of made-up digits of 8 x 8 pixels: digit d lights pixel d. Features are some of the others. */
  async function writeClassifier(): Promise<string> {
    const pick = Float64Array.from({ length: 640 }, (_, i) => (Math.floor(i / 10) === i % 10 ? 1 : 0));
    const model = program('made-up', {}, { image: { dtype: 'f32', dims: ['N', 1, 8, 8] } }, (_, { image }) => {
      const flat = flatten(image);
      return { outputs: { logits: matmul(flat, constant(pick, 'f32', [64, 10])), features84: slice(flat, 1, 30, 34) } };
    });
    const file = path.join(folder, 'classifier.onnx');
    await writeFile(file, encode(model));
    return file;
  }
  const madeUp = (n: number, digit: (i: number, c: number) => number, wave = 0) => {
    const noise = keyedRandom(1, 'made-up', wave, 'noise').uniform(n * 2 * 64), data = noise.map((u, i) => (i % 64 < 10 ? -1 : 2 * u - 1));
    for (let i = 0; i < n; i++) for (let c = 0; c < 2; c++) data[(2 * i + c) * 64 + digit(i, c)] = 1;
    return tensor('f32', [n, 2, 8, 8], data);
  };

  test('counts modes, and reports noise beside the sample', async () => {
    const node = await rig(digits, { classifier: await writeClassifier(), resolution: 8 }, { host });
    const real = madeUp(300, (i, c) => Math.floor(i / 10 ** (1 - c)) % 10), fake = madeUp(300, (i, c) => (c === 0 ? 7 : i % 4), 1);
    const { metrics } = await node.step(0, { fake, real });
    expect(metrics).toMatchObject({ modes: 4, reverse_kl: expect.closeTo(Math.log(25), 9) });
    expect((await node.step(1, { fake: real, real })).metrics).toMatchObject({ modes: 100, reverse_kl: expect.closeTo(0, 9), frechet: expect.closeTo(0, 9), noise_modes: metrics.noise_modes });
    expect(metrics.noise_modes).toBeGreaterThan(50);
    expect(metrics.frechet).toBeLessThan(0.1);
    expect(node.state.noise.noise_modes).toBe(metrics.noise_modes);
    await node.close();
  });

  test('computes moments as the plain way does', async () => {
    const classifier = await openClassifier(host, { file: await writeClassifier(), feature: 'features84', resolution: 8, range: [0, 1] });
    const planes = keyedRandom(2, 'made-up', 0, 'planes').uniform(700 * 64).map((u) => 2 * u - 1);
    const { moments } = await classifier.read((from, to) => tensor('f32', [to - from, 8, 8], planes.subarray(from * 64, to * 64)), 700, 8);
    const plain = plainMoments(Array.from({ length: 700 * 4 }, (_, i) => (planes[Math.floor(i / 4) * 64 + 30 + (i % 4)]! + 1) / 2), 4);
    plain.mean.forEach((m, i) => { expect(moments.mean[i]).toBeCloseTo(m, 6); });
    const { data } = await host.get(moments.covariance as Resident);
    plain.covariance.forEach((c, i) => { expect(data[i]).toBeCloseTo(c, 6); });
    await classifier.close();
  });

  test('names the outputs of a classifier that lacks the wanted one', async () => {
    const node = await rig(digits, { classifier: await writeClassifier(), feature: 'pool3', resolution: 8 }, { host });
    await expect(node.step(0, { fake: madeUp(2, () => 0), real: madeUp(2, () => 0) })).rejects.toThrow('it has no output pool3; its outputs are logits, features84');
  });

  test('resizes with rows that sum to one, and reads ids in the order of the channels', () => {
    const matrix = interpolation(32, 28);
    for (let i = 0; i < 28; i++) expect(matrix.subarray(32 * i, 32 * i + 32).reduce((a, b) => a + b)).toBeCloseTo(1, 12);
    expect(Array.from(interpolation(2, 4).slice(2, 4))).toEqual([0.75, 0.25]);
    expect(Array.from(modeIds(Uint8Array.of(1, 2, 3, 9, 0, 4), 3))).toEqual([123, 904]);
  });

  whenShared('both LeNets know real digits, at 28 and at 32 pixels', async () => {
    for (const [file, feature, resolution] of [['lenet5_mnist_csinva', 'features84', 28], ['lenet_mnist_tensorspace', 'features84', 32]] as const) {
      const data = await rig(idx, { path: path.join(shared, 'data/mnist'), split: 'test', resolution, batch: 600 });
      const { image, label } = await data.step(0);
      const classifier = await openClassifier(host, { file: path.join(shared, 'data/models', `${file}.onnx`), feature, resolution: 28, range: [0, 1] });
      const plane = resolution ** 2;
      const { digits: read } = await classifier.read((from, to) => tensor('f32', [to - from, resolution, resolution], image.data.subarray(from * plane, to * plane)), 600, resolution);
      expect(numbers(label).filter((digit, i) => digit === read[i]).length / 600).toBeGreaterThan(0.97);
      await classifier.close();
    }
  });

  whenShared('real stacked digits are close to real ones, white noise is far', async () => {
    const data = await rig(stackedDigits, { path: path.join(shared, 'data/mnist'), split: 'test', resolution: 28, batch: 60 });
    const real = (await data.step(0)).image, fake = (await data.step(1)).image;
    const node = await rig(digits, { classifier: path.join(shared, 'data/models/lenet5_mnist_csinva.onnx') }, { host });
    const { metrics } = await node.step(0, { fake, real });
    expect(metrics.modes).toBeGreaterThan(50);
    expect(metrics.noise_frechet).toBeGreaterThan(20 * metrics.frechet);
    await node.close();
  });
});

test('picture/images shows the first images', async () => {
  const { picture } = await (await rig(images, { count: 3, columns: 2 })).step(0, { image: tensor('f32', [5, 1, 2, 2], Float32Array.from({ length: 20 }, (_, i) => i)) });
  expect(picture).toMatchObject({ kind: 'images', columns: 2, images: { dims: [3, 1, 2, 2] } });
  expect(picture.images.data.length).toBe(12);
});
