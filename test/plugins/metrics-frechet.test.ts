/** @file The Frechet distance and its parts: closed forms, the published implementation's values, few samples, and what can't be computed. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { SessionHost } from '../../engine/session/host.js';
import { keyedRandom } from '../../engine/session/keyed-random.js';
import { createWorkerHost } from '../../engine/session/worker-host.js';
import { tensor, type Resident, type TensorValue } from '../../engine/spec/value.js';
import { bandOf } from '../../plugins/metrics/algebra/band.js';
import { factor } from '../../plugins/metrics/algebra/factor.js';
import { eigenvaluesOf } from '../../plugins/metrics/algebra/tridiagonal.js';
import { frechet } from '../../plugins/metrics/feature-nodes.js';
import { frechetDistance } from '../../plugins/metrics/frechet.js';
import { createMoments, momentsOf, type Moments } from '../../plugins/metrics/moments.js';
import { readNpz } from '../parity/npz.js';
import { gaussianRows, moments, plainMoments } from './plain-moments.js';
import { rig, shared, whenShared } from './rig.js';

let host: SessionHost;
beforeAll(async () => { host = await createWorkerHost({ threads: 1 }); });
afterAll(async () => { await host.close(); });

const random = (name: string, seed = 1) => keyedRandom(seed, 'metrics-frechet', 0, name);
const normal = (name: string) => (n: number) => random(name).normal(n);
const diagonal = (...values: number[]) => Float64Array.from({ length: values.length ** 2 }, (_, i) => (i % (values.length + 1) === 0 ? values[i / (values.length + 1)]! : 0));
const distance = (a: Moments, b: Moments) => frechetDistance(host, a, b);

/** H A H with H = 1 - 2 u u^T / u^T u: the same eigenvalues, nothing of the pattern. */
function reflected(matrix: Float64Array, u: Float32Array): Float64Array {
  const n = u.length, norm = u.reduce((sum, x) => sum + x * x, 0);
  const p = Float64Array.from(u, (_, i) => { let sum = 0; for (let j = 0; j < n; j++) sum += matrix[i * n + j]! * u[j]!; return 2 * sum / norm; }), half = u.reduce((sum, x, i) => sum + x * p[i]!, 0) / norm;
  const w = Float64Array.from(p, (x, i) => x - half * u[i]!);
  return matrix.map((x, at) => x - u[Math.floor(at / n)]! * w[at % n]! - w[Math.floor(at / n)]! * u[at % n]!);
}

/** The distance of rows by way of the node. */
async function judged(fake: TensorValue, real: TensorValue, more: object = {}, config: object = {}): Promise<Readonly<Record<string, number>>> {
  const node = await rig(frechet, config, { host });
  return (await node.step(0, { fake, real, ...more })).metrics as Readonly<Record<string, number>>;
}

describe('Frechet distance', () => {
  test('of commuting, rotated and rank-deficient Gaussians', async () => {
    const a = moments([0, 0], diagonal(4, 9)), b = moments([3, 4], diagonal(1, 25));
    // 25 + (2 - 1)^2 + (3 - 5)^2
    expect(await distance(a, b)).toBeCloseTo(30, 12);
    expect(await distance(a, a)).toBeCloseTo(0, 12);
    // 2 x 2: tr (A B)^(1/2) = sqrt(tr AB + 2 sqrt det AB)
    const tilted = moments([0, 0], [2, 1, 1, 3]);
    expect(await distance(a, tilted)).toBeCloseTo(13 + 5 - 2 * Math.sqrt(35 + 2 * Math.sqrt(36 * 5)), 12);
    expect(await distance(tilted, a)).toBeCloseTo(await distance(a, tilted), 12);
    expect(await distance(moments([0, 0], diagonal(1, 0)), moments([0, 0], diagonal(0, 1)))).toBeCloseTo(2, 12);
    expect(await distance(moments([0, 0], diagonal(0, 0)), moments([1, 0], diagonal(0, 9)))).toBeCloseTo(10, 12);
  });

  test('of Gaussians wider than a block, whose axes are shared: sum of (s1 - s2)^2 (seed 1)', async () => {
    const width = 150, scales = random('scales').uniform(2 * width), [p, q] = [scales.subarray(0, width), scales.subarray(width)];
    const axis = random('axis').normal(width), turned = (s: Float32Array) => reflected(diagonal(...Array.from(s, (x) => x * x)), axis);
    const expected = p.reduce((sum, s, i) => sum + (s - q[i]!) ** 2, 0), zero = new Float64Array(width);
    expect(await distance(moments(zero, turned(p)), moments(zero, turned(q)))).toBeCloseTo(expected, 9);
  });

  test('of few samples in many dimensions equals that of their Gram matrices (seed 1)', async () => {
    const width = 90, count = 20, fake = gaussianRows(normal('fake'), count, width), real = gaussianRows(normal('real'), count, width, (value, j) => 2 * value + j / width);
    const [a, b] = [fake, real].map(({ data }) => {
      const { mean, covariance } = plainMoments(data as Float32Array, width);
      return { mean, trace: mean.reduce((sum, _m, i) => sum + covariance[i * width + i]!, 0), centred: Float64Array.from(data as Float32Array, (x, i) => x - mean[i % width]!) };
    }) as [{ mean: Float64Array; trace: number; centred: Float64Array }, { mean: Float64Array; trace: number; centred: Float64Array }];
    // tr (C1 C2)^(1/2) is the sum of the singular values of X Y^T / (n - 1), of which there are n - 1.
    const cross = Float64Array.from({ length: count * count }, (_, at) => {
      let sum = 0;
      for (let k = 0; k < width; k++) sum += a.centred[Math.floor(at / count) * width + k]! * b.centred[(at % count) * width + k]!;
      return sum / (count - 1);
    });
    const square = Float64Array.from({ length: count * count }, (_, at) => { let sum = 0; for (let k = 0; k < count; k++) sum += cross[Math.floor(at / count) * count + k]! * cross[(at % count) * count + k]!; return sum; });
    const roots = (await eigenvaluesOf(await bandOf(host, await host.put(tensor('f64', [count, count], square)), count))).map((v) => Math.sqrt(Math.max(0, v)));
    const expected = a.trace + b.trace - 2 * roots.reduce((x, y) => x + y, 0) + a.mean.reduce((sum, m, i) => sum + (m - b.mean[i]!) ** 2, 0);
    const found = (await judged(fake, real)).frechet!;
    expect(Math.abs(found / expected - 1)).toBeLessThan(1e-9);
    expect(Math.abs((await judged(real, real)).frechet!)).toBeLessThan(1e-9);
  });

  whenShared('agrees with the published implementation (sc_metrics_misc)', async () => {
    const folder = path.join(shared, 'fixtures/self-cond-and-pgmgan'), arrays = await readNpz(path.join(folder, 'sc_metrics_misc.npz'));
    const { scalars } = JSON.parse(await readFile(path.join(folder, 'sc_metrics_misc.json'), 'utf8'));
    const of = (key: string) => { const { mean, covariance } = plainMoments(arrays.get(key)!.data as Float32Array, 6); return moments(mean, covariance); };
    expect(await distance(of('fd/a'), of('fd/b'))).toBeCloseTo(scalars.frechet_total, 4);
  });

  test('names what is wrong with features', async () => {
    const good = gaussianRows(normal('good'), 10, 3), bad = tensor('f32', [10, 3], Float32Array.from(good.data as Float32Array));
    bad.data[7] = Number.NaN;
    await expect(judged(bad, good)).rejects.toThrow('fake features: vectors 0 to 9 hold something that is no finite number, in column 1');
    bad.data[7] = Number.POSITIVE_INFINITY;
    await expect(judged(good, bad)).rejects.toThrow('real features: vectors 0 to 9');
    await expect(judged(gaussianRows(normal('one'), 1, 3), good)).rejects.toThrow('there are 1 vectors; moments want two at least');
    await expect(distance(moments([0], [1]), moments([0, 0], [1, 0, 0, 1]))).rejects.toThrow('they come from different extractors');
  });

  test('judges strata apart (seed 1)', async () => {
    const width = 4, labels = [...Array(120).fill(0), ...Array(50).fill(1), ...Array(10).fill(2)] as number[];
    const dataset = { labels: Int32Array.from(labels), classes: 3 }, label = tensor('i64', [180], BigInt64Array.from(labels, BigInt));
    const real = gaussianRows(normal('strata real'), 180, width), fake = tensor('f32', [180, width], (real.data as Float32Array).map((x, i) => (labels[Math.floor(i / width)] === 2 ? x + 1 : x)));
    const metrics = await judged(fake, real, { fake_label: label, real_label: label, dataset }, { strata: 'paper' });
    expect(metrics.frechet_many).toBeCloseTo(0, 9);
    expect(metrics.frechet_medium).toBeCloseTo(0, 9);
    expect(metrics.frechet_few).toBeCloseTo(width, 5);
    expect(metrics.frechet).toBeGreaterThan(0.001);
    expect(Object.keys(await judged(fake, real))).toEqual(['frechet']);
    // 100 and 20 images are medium in the paper, many and few in its code.
    const borders = { labels: Int32Array.from([...Array(100).fill(0), ...Array(20).fill(1)] as number[]), classes: 2 };
    const some = tensor('i64', [180], BigInt64Array.from(labels, (c) => BigInt(c % 2)));
    expect(Object.keys(await judged(fake, real, { fake_label: some, real_label: some, dataset: borders }, { strata: 'paper' }))).toEqual(['frechet', 'frechet_medium']);
    expect(Object.keys(await judged(fake, real, { fake_label: some, real_label: some, dataset: borders }, { strata: 'code' }))).toEqual(['frechet', 'frechet_many', 'frechet_few']);
    const place = { node: 'quality', wired: (port: string) => port !== 'dataset', type: () => { throw new Error('not asked'); } };
    expect(() => frechet.check!(frechet.config.parse({ strata: 'code' }), place)).toThrow('dataset is not wired');
  });
});

describe('moments', () => {
  test('of batches are those of the whole, far from the origin, too (seed 1)', async () => {
    const width = 5, whole = gaussianRows(normal('rows'), 300, width, (value, j) => 1000 * j + value), plain = plainMoments(whole.data as Float32Array, width);
    const sums = createMoments(host, 'rows');
    for (const [from, to] of [[0, 1], [1, 130], [130, 300]] as const) await sums.add(tensor('f32', [to - from, width], (whole.data as Float32Array).slice(from * width, to * width)));
    for (const [kind, divisor] of [['sample', 1], ['population', 299 / 300]] as const) {
      const { count, mean, covariance } = await sums.finish(kind), values = (await host.get(covariance as Resident)).data;
      expect(count).toBe(300);
      plain.mean.forEach((m, i) => { expect(mean[i]).toBeCloseTo(m, 9); });
      plain.covariance.forEach((c, i) => { expect(values[i]).toBeCloseTo(c * divisor, 9); });
      host.release([covariance as Resident]);
    }
    sums.release();
    await expect(sums.add(gaussianRows(normal('other'), 2, 7))).rejects.toThrow('their width is 7, that of those before is 5');
  });

  test('leave nothing in the host', async () => {
    const before = host.residents.size, rows = gaussianRows(normal('rest'), 40, 70), a = await momentsOf(host, rows, 'rows');
    expect(Math.abs(await frechetDistance(host, a, a))).toBeLessThan(1e-9);
    host.release([a.covariance as Resident]);
    expect(host.residents.size).toBe(before);
    await expect(frechetDistance(host, a, a)).rejects.toThrow();
    expect(host.residents.size).toBe(before);
  });
});

describe('algebra', () => {
  /** A random symmetric matrix of a given rank, B B^T. */
  const semidefinite = (n: number, rank: number, name: string) => {
    const b = Float64Array.from(random(name).normal(n * rank));
    return Float64Array.from({ length: n * n }, (_, at) => { let sum = 0; for (let k = 0; k < rank; k++) sum += b[Math.floor(at / n) * rank + k]! * b[(at % n) * rank + k]!; return sum; });
  };

  test.each([[1, 1], [7, 7], [64, 64], [65, 65], [150, 150], [150, 40], [70, 3]])('factors a matrix of %i with rank %i (seed 1)', async (n, rank) => {
    const matrix = semidefinite(n, rank, `factor ${n} ${rank}`), whole = await host.put(tensor('f64', [n, n], matrix)), found = await factor(host, whole, n);
    expect(found.rank).toBe(rank);
    const rows = (await Promise.all(found.blocks.map(async (block) => (await host.get(block)).data as Float64Array))).flatMap((data) => Array.from({ length: data.length / n }, (_, i) => data.subarray(i * n, (i + 1) * n)));
    expect(rows.length).toBe(rank);
    const largest = matrix.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
    let worst = 0;
    for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) worst = Math.max(worst, Math.abs(rows.reduce((sum, row) => sum + row[i]! * row[j]!, 0) - matrix[i * n + j]!));
    expect(worst / largest).toBeLessThan(1e-13);
    expect(found.trace).toBeCloseTo(Array.from({ length: n }, (_, i) => matrix[i * n + i]!).reduce((a, b) => a + b, 0), 9);
  });

  test.each([1, 2, 3, 31, 32, 33, 34, 64, 65, 97, 150])('finds the eigenvalues of a matrix of %i (seed 1)', async (n) => {
    // A path's Laplacian has eigenvalues 2 - 2 cos(pi k / n); a reflection hides it.
    const path = Float64Array.from({ length: n * n }, (_, at) => {
      const i = Math.floor(at / n), j = at % n;
      return i === j ? Number(i > 0) + Number(i < n - 1) : Math.abs(i - j) === 1 ? -1 : 0;
    });
    const matrix = reflected(path, random(`axis ${n}`).normal(n));
    const found = (await eigenvaluesOf(await bandOf(host, await host.put(tensor('f64', [n, n], matrix)), n))).sort();
    found.forEach((value, k) => { expect(value).toBeCloseTo(2 - 2 * Math.cos(Math.PI * k / n), 12); });
  });

  test('heeds a signal', async () => {
    const stop = new AbortController();
    stop.abort();
    const n = 400, whole = await host.put(tensor('f64', [n, n], semidefinite(n, 5, 'signal')));
    const matrix = await host.put(tensor('f64', [n, n], Float64Array.from((await host.get(whole)).data as Float64Array, (x, i) => x + (i % (n + 1) === 0 ? 1 : 0))));
    await expect(bandOf(host, matrix, n, stop.signal).then((band) => eigenvaluesOf(band, stop.signal))).rejects.toThrow('aborted');
  });
});
