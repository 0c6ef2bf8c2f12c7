import path from 'node:path';
import type { SessionHost } from '../../engine/session/host.js';
import { keyedRandom } from '../../engine/session/keyed-random.js';
import { createWorkerHost } from '../../engine/session/worker-host.js';
import { tensor, type TensorValue } from '../../engine/spec/value.js';
import type { Clusters } from '../../engine/training/values.js';
import { int64 } from '../../engine/spec/value.js';
import { createKMeans, type KMeans, type Run } from '../../plugins/clusterers/k-means.js';
import { cluster, kMeans, recluster } from '../../plugins/clusterers/k-means-node.js';
import { assign, match, overlap } from '../../plugins/clusterers/match.js';
import { absorb, online } from '../../plugins/clusterers/online.js';
import { readNpz, type NpyArray } from '../parity/npz.js';
import { numbers, rig, shared, whenShared } from './rig.js';

const seed = 20;
let host: SessionHost, engine: KMeans;
beforeAll(async () => {
  host = await createWorkerHost({ threads: 1 });
  engine = createKMeans(host);
});
afterAll(async () => {
  await engine.close();
  await host.close();
});

const run: Run = { random: (name) => keyedRandom(seed, 'test', 0, name) };
const options = { k: 5, restarts: 4, iterations: 300, tolerance: 1e-4, warm: true, match: true, initialisation: 'k-means++' as const };
const floats = (dims: readonly number[], data: ArrayLike<number>) => tensor('f32', dims, Float32Array.from(data));

/** Blobs around `k` far points of a plane; the true label of point i is i % k. */
function blobs(n: number, k: number, { offset = 0, spread = 0.1 } = {}): { feature: TensorValue; truth: Int32Array } {
  const noise = run.random('blobs').normal(2 * n);
  const place = (c: number) => [10 * Math.cos((2 * Math.PI * c) / k) + offset, 10 * Math.sin((2 * Math.PI * c) / k) - offset];
  return { feature: floats([n, 2], noise.map((z, i) => place((i >> 1) % k)[i % 2]! + spread * z)), truth: Int32Array.from({ length: n }, (_, i) => i % k) };
}
/** Lloyd in float64, the plain way, to the end. */
function reference(points: ArrayLike<number>, width: number, start: ArrayLike<number>, k: number) {
  const centres = Float64Array.from(start), n = points.length / width;
  let labels: number[] = [];
  for (;;) {
    const next = Array.from({ length: n }, (_, i) => {
      const distance = Array.from({ length: k }, (_c, c) => Array.from({ length: width }, (_j, j) => (points[i * width + j]! - centres[c * width + j]!) ** 2).reduce((a, b) => a + b));
      return distance.indexOf(Math.min(...distance));
    });
    if (next.join() === labels.join()) return { centres, labels };
    labels = next;
    for (let c = 0; c < k; c++) {
      const mine = labels.flatMap((label, i) => (label === c ? [i] : []));
      for (let j = 0; j < width && mine.length; j++) centres[c * width + j] = mine.reduce((sum, i) => sum + points[i * width + j]!, 0) / mine.length;
    }
  }
}

test(`without networks there are labels and no table of clusters, and the same clusters again from the same state (seed ${seed})`, async () => {
  const { feature, truth } = blobs(60, 3), node = await rig(kMeans, { k: 3, restarts: 3 }, { host, seed });
  const { label, metrics, centres, ...others } = await node.step(0, { feature }), labels = numbers(label);
  expect(others).toEqual({});
  expect(centres.dims).toEqual([3, 2]);
  expect(new Set(labels).size).toBe(3);
  labels.forEach((c, i) => { expect(c).toBe(labels[truth[i]!]); });
  expect(metrics).toMatchObject({ smallest: 20, empty: 0 });
  const again = await node.step(1, { feature });
  expect([numbers(again.label), again.metrics.moved]).toEqual([labels, 0]);
  await node.close();
});

describe('k-means', () => {
  test.each([0, 300])('finds blobs, however far from the origin they are (offset %d)', async (offset) => {
    const { feature, truth } = blobs(500, 5, { offset });
    const { labels, inertia } = await engine.fit(feature, options, run);
    expect(new Set(labels).size).toBe(5);
    for (let i = 5; i < 500; i++) expect(labels[i]).toBe(labels[truth[i]!]);
    expect(inertia / (500 * 2 * 0.01)).toBeCloseTo(1, 0);
  });

  test('agrees with a plain float64 Lloyd, in one block of rows and in several', async () => {
    // 6000 x 200 distances are more than one block.
    const n = 6000, k = 200, points = run.random('points').normal(3 * n);
    const feature = floats([n, 3], points), start = floats([k, 3], points.slice(0, 3 * k));
    const once = await engine.refine(feature, start, { k, iterations: 1, tolerance: 0 }, run);
    const labels = await engine.assign(feature, start);
    const means = await engine.means(feature, labels, k, run);
    numbers(once.centres).forEach((x, i) => { expect(x).toBeCloseTo(numbers(means)[i]!, 5); });
    const few = floats([300, 3], points.slice(0, 900));
    const found = await engine.refine(few, floats([4, 3], points.slice(0, 12)), { k: 4, iterations: 300, tolerance: 0 }, run);
    const wanted = reference(points.slice(0, 900), 3, points.slice(0, 12), 4);
    expect(Array.from(found.labels)).toEqual(wanted.labels);
    numbers(found.centres).forEach((x, i) => { expect(x).toBeCloseTo(wanted.centres[i]!, 5); });
  });

  test.each([[2, 1], [12, 2], [60, 3]])('leaves out only comparisons whose outcome is known: %d clusters as with all of them (seed %d)', async (k, from) => {
    const n = 1500, width = 4, points = numbers(blobs(n * width / 2, 7, { spread: 3 }).feature);
    const start = Array.from(keyedRandom(from, 'test', 0, 'start').permutation(n).subarray(0, k)).flatMap((i) => points.slice(i * width, (i + 1) * width));
    const found = await engine.refine(floats([n, width], points), floats([k, width], start), { k, iterations: 300, tolerance: 0 }, run), wanted = reference(points, width, start, k);
    expect(Array.from(found.labels)).toEqual(wanted.labels);
    numbers(found.centres).forEach((x, i) => { expect(x).toBeCloseTo(wanted.centres[i]!, 4); });
    const inertia = wanted.labels.reduce((sum, c, i) => sum + Array.from({ length: width }, (_, j) => (points[i * width + j]! - wanted.centres[c * width + j]!) ** 2).reduce((a, b) => a + b), 0);
    expect(Math.abs(found.inertia / inertia - 1)).toBeLessThan(1e-5);
  });

  test('gives a centre that starves a random point of the sample, and ends with every cluster populated', async () => {
    const { feature } = blobs(200, 4);
    const far = floats([4, 2], [10, 0, 0, 10, -10, 0, 1e4, 1e4]);
    const { labels, centres } = await engine.refine(feature, far, { ...options, k: 4 }, run);
    expect(new Set(labels).size).toBe(4);
    expect(Math.max(...numbers(centres).map(Math.abs))).toBeLessThan(12);
    // A label that no point has: the mean of none is a point of the sample.
    const lone = numbers(await engine.means(feature, new Int32Array(200), 2, run)).slice(2), all = numbers(feature);
    expect(all.some((x, i) => i % 2 === 0 && x === lone[0] && all[i + 1] === lone[1])).toBe(true);
  });

  test('keeps resident features in the host, and leaves no resident behind', async () => {
    const { feature } = blobs(100, 5);
    const resident = await host.put(feature);
    const before = [...host.residents];
    const there = await engine.fit(resident, options, run), here = await engine.fit(feature, options, run);
    expect(Array.from(there.labels)).toEqual(Array.from(here.labels));
    expect([...host.residents]).toEqual(before);
    host.release([resident]);
  });

  test('stops when it is told to', async () => {
    const control = new AbortController();
    control.abort(new Error('enough'));
    await expect(engine.fit(blobs(50, 5).feature, options, { ...run, signal: control.signal })).rejects.toThrow('enough');
  });
});

describe('matching', () => {
  test('finds the assignment of largest total (against all permutations)', () => {
    const permutations = (items: number[]): number[][] => (items.length < 2 ? [items] : items.flatMap((x) => permutations(items.filter((y) => y !== x)).map((rest) => [x, ...rest])));
    for (let round = 0; round < 20; round++) {
      const gain = Float64Array.from(keyedRandom(seed, 'match', round, 'gain').integers(25, 50));
      const total = (columns: ArrayLike<number>) => Array.from(columns).reduce((sum, j, i) => sum + gain[5 * i + j]!, 0);
      const found = assign(gain, 5);
      expect(new Set(found).size).toBe(5);
      expect(total(found)).toBe(Math.max(...permutations([0, 1, 2, 3, 4]).map(total)));
    }
  });

  test('undoes a renaming', () => {
    const older = run.random('labels').integers(400, 30), renaming = run.random('renaming').permutation(30);
    expect(Array.from(match(older.map((c) => renaming[c]!), older, 30), (c) => renaming[c])).toEqual(Array.from({ length: 30 }, (_, i) => i));
  });
});

describe('clusterer/k-means', () => {
  test('keeps labels over reclusterings, with and without a warm start', async () => {
    for (const warm of [true, false]) {
      const node = await rig(kMeans, { k: 5, restarts: 3, warm }, { host, seed });
      const { feature } = blobs(300, 5), weights = { networks: {}, state: {}, averaged: false };
      const first = await node.step(0, { feature, weights });
      expect(first.metrics.moved).toBeUndefined();
      expect((first.clusters as Clusters).weights).toBe(weights);
      // The same points in another space: turned, stretched, and one point gone over to the next blob.
      const turned = feature.data.slice() as Float32Array;
      for (let i = 0; i < 300; i++) turned.set([-3 * (feature.data[2 * i + 1] as number), 2 * (feature.data[2 * i] as number)], 2 * i);
      turned.set([turned[2]!, turned[3]!], 0);
      const second = await node.step(10, { feature: floats([300, 2], turned), weights });
      expect(numbers(second.label).slice(1)).toEqual(numbers(first.label).slice(1));
      expect(second.metrics.moved).toBeCloseTo(1 / 300, 6);
      expect(numbers(second.clusters.counts).reduce((a, b) => a + b)).toBe(300);
      expect([second.metrics.smallest, second.metrics.empty]).toEqual([59, 0]);
      // The mapping takes the nearest centre to its label.
      const nearest = await engine.assign(floats([300, 2], turned), second.clusters.centres);
      expect(Array.from(nearest, (c) => Number(second.clusters.mapping.data[c]))).toEqual(numbers(second.label));
      expect(node.state.round).toBe(2);
      await node.close();
    }
  });

  test('can start from given labels', async () => {
    const node = await rig(kMeans, { k: 5, initialisation: 'labels' }, { host });
    const { feature, truth } = blobs(100, 5);
    await expect(node.step(0, { feature, weights: {} })).rejects.toThrow('nodes.node.in.label: it is not wired');
    const { label, clusters } = await node.step(0, { feature, weights: {}, label: int64(truth) });
    expect(numbers(label)).toEqual(Array.from(truth));
    expect(numbers(clusters.counts)).toEqual([20, 20, 20, 20, 20]);
    expect(clusters.centres.data[0]).toBeCloseTo(10, 1);
    await node.close();
  });

  test('refuses a sample smaller than k, and one that changes its size', async () => {
    const node = await rig(kMeans, { k: 50 }, { host });
    await expect(node.step(0, { feature: blobs(20, 5).feature, weights: {} })).rejects.toThrow('its sample has 20 points; at least k = 50 are wanted');
    node.state = { round: 1, labels: new Int32Array(60) };
    await expect(node.step(1, { feature: blobs(70, 5).feature, weights: {} })).rejects.toThrow('its sample has 70 points, and had 60');
  });
});

describe('clusterer/online', () => {
  test('fits, waits for the burn-in, refits, then follows the batches', async () => {
    const node = await rig(online, { k: 5, restarts: 3, burnIn: 2 }, { host });
    const { feature } = blobs(200, 5), batch = blobs(10, 5).feature;
    const doubled = floats([200, 2], numbers(feature).map((x) => 2 * x)), twice = floats([10, 2], numbers(batch).map((x) => 2 * x));
    const steps = [];
    for (let wave = 0; wave < 4; wave++) steps.push(await node.step(wave, { batch: wave < 2 ? batch : twice, weights: {}, feature: wave < 2 ? feature : doubled }));
    const [first, second, third, fourth] = steps.map(({ clusters }) => numbers(clusters.centres));
    expect(second).toEqual(first);
    third!.forEach((x, i) => { expect(x).toBeCloseTo(2 * first![i]!, 3); });
    // The label of a centre survives the refit, and a batch of two points a blob replaces all centres.
    expect(numbers(steps[2]!.label)).toEqual(numbers(steps[0]!.label));
    expect(Array.from(node.state.counts)).toEqual([2, 2, 2, 2, 2]);
    const label = Number(steps[3]!.label.data[0]), mean = ((twice.data[0] as number) + (twice.data[10] as number)) / 2;
    expect(fourth![2 * label]).toBeCloseTo(mean, 5);
    await node.close();
  });
});

describe('fixtures of the reference', () => {
  const load = (name: string) => readNpz(path.join(shared, 'fixtures/self-cond-and-pgmgan', `${name}.npz`));
  const value = ({ dims, data }: NpyArray) => floats(dims, data as Float32Array);
  const close = (ours: TensorValue, theirs: NpyArray) => {
    expect(Math.max(...numbers(ours).map((x, i) => Math.abs(x - (theirs.data[i] as number))))).toBeLessThan(1e-5);
  };

  whenShared('sc_clusterer', async () => {
    const arrays = await load('sc_clusterer'), of = (key: string) => arrays.get(key)!, ints = (key: string) => of(key).data as Int32Array;
    const k = 7, settings = { ...options, k, restarts: 10 };
    expect((await cluster(engine, value(of('features0')), settings, undefined, run)).found.inertia).toBeLessThan(1.02 * 1354.5625);
    const feature = value(of('features1'));
    close(await engine.means(feature, ints('labels0'), k, run), of('init_centers1'));
    const again = await recluster(engine, feature, ints('labels0'), settings, run);
    close(again.centres, of('centers1'));
    expect(again.found.iterations).toBe(3);
    expect(Array.from(again.mapping)).toEqual(Array.from(ints('mapping1')));
    expect(Array.from(again.labels)).toEqual(Array.from(ints('labels1')));
    const cold = await engine.assign(feature, value(of('nowarm_centers')));
    expect(Array.from(cold)).toEqual(Array.from(ints('nowarm_new_classes')));
    expect(Array.from(overlap(cold, ints('labels0'), k))).toEqual(Array.from(ints('nowarm_overlap')));
    expect(Array.from(match(cold, ints('labels0'), k))).toEqual(Array.from(ints('nowarm_mapping')));
    for (const [i, size] of [4, 8, 15, 25].entries()) {
      expect(Array.from(match(ints(`hung${i}/new`), ints(`hung${i}/old`), size))).toEqual(Array.from(ints(`hung${i}/mapping_new_to_old`)));
    }
  });

  whenShared('sc_online', async () => {
    const arrays = await load('sc_online'), of = (key: string) => arrays.get(key)!;
    let means = { centres: value(of('centers_after_burn_in')), counts: new Int32Array(7) };
    for (const batch of ['batch0', 'batch1', 'batch2']) {
      const feature = value(of(`${batch}/features`));
      means = absorb(means, feature, await engine.assign(feature, means.centres)) as typeof means;
      close(means.centres, of(`${batch}/centers_after`));
      expect(Array.from(means.counts)).toEqual(Array.from(of(`${batch}/counts_after`).data as Int32Array));
    }
  });
});
