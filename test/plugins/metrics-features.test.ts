/** @file Precision, recall, density, coverage, class scores and similarity to instances, against the plain way of computing them. */
import type { SessionHost } from '../../engine/session/host.js';
import { keyedRandom } from '../../engine/session/keyed-random.js';
import { createWorkerHost } from '../../engine/session/worker-host.js';
import { tensor, type TensorValue } from '../../engine/spec/value.js';
import { rows } from '../../engine/training/networks.js';
import { prdc as prdcNode } from '../../plugins/metrics/feature-nodes.js';
import { createSimilarity, othersOf, similarity } from '../../plugins/metrics/instance-similarity.js';
import { prdc, type Prdc } from '../../plugins/metrics/prdc.js';
import { inceptionScore } from '../../plugins/metrics/score-node.js';
import { gaussianRows } from './plain-moments.js';
import { rig } from './rig.js';

let host: SessionHost;
beforeAll(async () => { host = await createWorkerHost({ threads: 1 }); });
afterAll(async () => { await host.close(); });

const random = (name: string, seed = 1) => keyedRandom(seed, 'metrics-features', 0, name);
const normal = (name: string) => (n: number) => random(name).normal(n);

/** All distances in float64, one after the other. */
function plainly(real: TensorValue, fake: TensorValue, k: number): Prdc {
  const width = real.dims[1]!;
  const squared = (a: TensorValue, i: number, b: TensorValue, j: number) => { let sum = 0; for (let c = 0; c < width; c++) sum += (Number(a.data[i * width + c]) - Number(b.data[j * width + c])) ** 2; return sum; };
  const indices = ({ dims }: TensorValue) => Array.from({ length: dims[0]! }, (_, i) => i);
  const radii = (x: TensorValue) => indices(x).map((i) => indices(x).filter((j) => j !== i).map((j) => squared(x, i, x, j)).sort((a, b) => a - b)[k - 1]!);
  const [r, f] = [radii(real), radii(fake)], share = (flags: boolean[]) => flags.filter(Boolean).length / flags.length;
  const inBalls = indices(fake).map((j) => indices(real).filter((i) => squared(real, i, fake, j) < r[i]!).length);
  return {
    precision: share(inBalls.map((n) => n > 0)), density: inBalls.reduce((a, b) => a + b, 0) / (k * inBalls.length),
    recall: share(indices(real).map((i) => indices(fake).some((j) => squared(real, i, fake, j) < f[j]!))),
    coverage: share(indices(real).map((i) => indices(fake).some((j) => squared(real, i, fake, j) < r[i]!))),
  };
}

describe('metrics/prdc', () => {
  test.each([[1, 40, 30, 3], [3, 60, 45, 8], [5, 33, 70, 130]])('with k %i, %i reals, %i fakes of %i numbers is what all distances say (seed 1)', async (k, reals, fakes, width) => {
    const real = gaussianRows(normal(`real ${k}`), reals, width), fake = gaussianRows(normal(`fake ${k}`), fakes, width, (value) => 0.8 * value + 0.2);
    expect(await prdc(host, real, fake, { k })).toEqual(plainly(real, fake, k));
  });

  test('decides ties exactly: on a grid far from the origin, with duplicates, most distances are at a radius', async () => {
    const grid = (n: number, from: number) => tensor('f32', [n * n, 2], Float32Array.from({ length: 2 * n * n }, (_, i) => 4096 + from + (i % 2 ? Math.floor(i / 2) % n : Math.floor(Math.floor(i / 2) / n))));
    const doubled = (x: TensorValue) => tensor('f32', [2 * x.dims[0]!, 2], Float32Array.from([...x.data as Float32Array, ...x.data as Float32Array]));
    for (const [real, fake] of [[grid(7, 0), grid(7, 0)], [grid(7, 0), grid(6, 1)], [doubled(grid(5, 0)), grid(5, 1)]] as const) for (const k of [1, 4])
      expect(await prdc(host, real, fake, { k })).toEqual(plainly(real, fake, k));
  });

  test('identical sets are covered, far ones are not, all equal ones are in no open ball (seed 1)', async () => {
    const real = gaussianRows(normal('same'), 50, 6), far = gaussianRows(normal('far'), 50, 6, (value) => value + 100);
    expect(await prdc(host, real, real, { k: 5 })).toMatchObject({ precision: 1, recall: 1, coverage: 1 });
    expect(await prdc(host, real, far, { k: 5 })).toEqual({ precision: 0, recall: 0, density: 0, coverage: 0 });
    const equal = tensor('f32', [10, 6], new Float32Array(60).fill(3));
    expect(await prdc(host, equal, equal, { k: 2 })).toEqual({ precision: 0, recall: 0, density: 0, coverage: 0 });
    expect(host.residents.size).toBe(0);
  });

  test('the node reports them, and names what is wrong', async () => {
    const node = await rig(prdcNode, {}, { host }), real = gaussianRows(normal('node real'), 20, 4), fake = gaussianRows(normal('node fake'), 20, 4);
    expect((await node.step(0, { fake, real })).metrics).toEqual(plainly(real, fake, 5));
    const bad = tensor('f32', [20, 4], Float32Array.from(fake.data as Float32Array));
    bad.data[41] = Number.NaN;
    await expect(node.step(1, { fake: bad, real })).rejects.toThrow('fake features: vector 10 holds something that is no finite number');
    await expect(node.step(1, { fake, real: bad })).rejects.toThrow('real features: vector 10');
    await expect(node.step(1, { fake: gaussianRows(normal('few'), 5, 4), real })).rejects.toThrow('fake features: there are 5; radii to the 5th nearest want more than 5');
    await expect(prdc(host, real, gaussianRows(normal('wide'), 20, 5), { k: 1 })).rejects.toThrow('they come from different extractors');
    expect(host.residents.size).toBe(0);
  });
});

describe('metrics/inception-score', () => {
  const score = async (value: TensorValue, config: object = {}) => (await (await rig(inceptionScore, config)).step(0, { score: value })).metrics as Readonly<Record<string, number>>;
  const certain = (classes: readonly number[], of: number) => tensor('f32', [classes.length, of], Float32Array.from({ length: classes.length * of }, (_, i) => Number(i % of === classes[Math.floor(i / of)])));

  test('is the number of classes for certain and even scores, 1 for equal ones', async () => {
    expect(await score(certain(Array.from({ length: 80 }, (_, i) => i % 8), 8))).toEqual({ score: expect.closeTo(8, 9), score_std: expect.closeTo(0, 9) });
    expect(await score(certain(Array(40).fill(3), 8))).toEqual({ score: expect.closeTo(1, 9), score_std: expect.closeTo(0, 9) });
    expect(await score(tensor('f32', [20, 4], new Float32Array(80)), { scores: 'logits' })).toEqual({ score: expect.closeTo(1, 9), score_std: expect.closeTo(0, 9) });
  });

  test('scores contiguous parts and leaves out what is left over', async () => {
    // Parts of two images: two classes, one class; the fifth image belongs to none.
    expect(await score(certain([0, 1, 2, 2, 3], 4), { splits: 2 })).toEqual({ score: expect.closeTo(1.5, 9), score_std: expect.closeTo(0.5, 9) });
  });

  test('logits and their softmax score the same (seed 1)', async () => {
    const logits = gaussianRows(normal('logits'), 50, 7, (value) => 3 * value + 40), probabilities = Float32Array.from(logits.data as Float32Array);
    for (let i = 0; i < 350; i += 7) {
      const row = probabilities.subarray(i, i + 7).map((x) => Math.exp(x - 40)), total = row.reduce((a, b) => a + b, 0);
      probabilities.set(row.map((x) => x / total), i);
    }
    const [a, b] = [await score(logits, { scores: 'logits' }), await score(tensor('f32', [50, 7], probabilities))];
    expect(a.score).toBeCloseTo(b.score!, 5);
    expect(a.score).toBeGreaterThan(1.5);
  });

  test('names what is wrong', async () => {
    await expect(score(tensor('f32', [20, 2], new Float32Array(40).fill(2)))).rejects.toThrow('image 0: its probabilities sum to 4.000');
    await expect(score(tensor('f32', [20, 2], Float32Array.from({ length: 40 }, (_, i) => (i % 2 ? -1 : 2))))).rejects.toThrow('a class has probability -1');
    await expect(score(tensor('f32', [20, 2], new Float32Array(40).fill(Number.NaN)), { scores: 'logits' })).rejects.toThrow('no finite number');
    await expect(score(certain([0, 1], 2))).rejects.toThrow('there are 2 images for 10 parts');
  });
});

describe('metrics/instance-similarity', () => {
  /** Two bundles of directions: even instances along the first axis, odd ones along the second; neighbours are of the own bundle. */
  const size = 12, width = 3, vectors = gaussianRows(normal('bundles'), size, width, (value, j) => 0.05 * value + (j === 2 ? 0.1 : 0));
  for (let i = 0; i < size; i++) vectors.data[i * width + (i % 2)] = 1 + i;
  const features = {
    size, width, read: (indices: Int32Array) => tensor('f32', [indices.length, width], Float32Array.from({ length: indices.length * width }, (_, at) => Number(vectors.data[indices[Math.floor(at / width)]! * width + at % width]))),
  };
  const k = 3, index = Int32Array.from({ length: size * k }, (_, at) => (Math.floor(at / k) + 2 * (at % k + 1)) % size);
  const neighbours = { k, index, features };

  test('is near 1 for images like their neighbourhood, and small for an unlike one', async () => {
    const instances = Int32Array.of(0, 1, 4, 7), others = Int32Array.of(1, 2, 5, 0);
    const fake = tensor('f32', [4, width], Float32Array.of(5, 0, 0, 0, 2, 0, 1, 0, 0, 0, 9, 0));
    const sum = createSimilarity({ neighbours, features });
    await sum.add(rows(fake, 0, 1), instances.subarray(0, 1), others.subarray(0, 1));
    await sum.add(rows(fake, 1, 4), instances.subarray(1), others.subarray(1));
    const found = sum.finish();
    // The plain way: the mean over images and neighbours.
    const cosine = (i: number, j: number) => {
      const [a, b] = [[0, 1, 2].map((c) => Number(fake.data[i * width + c])), [0, 1, 2].map((c) => Number(vectors.data[j * width + c]))] as [number[], number[]];
      const dot = (x: number[], y: number[]) => x.reduce((sum, v, c) => sum + v * y[c]!, 0);
      return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
    };
    const plain = (of: Int32Array) => Array.from(of, (instance, i) => [0, 1, 2].reduce((sum, n) => sum + cosine(i, index[instance * k + n]!), 0) / k).reduce((a, b) => a + b, 0) / 4;
    expect(found).toEqual({ similarity_own: expect.closeTo(plain(instances), 9), similarity_other: expect.closeTo(plain(others), 9), own_is_nearer: 1 });
    expect(found.similarity_own).toBeGreaterThan(0.9);
    expect(found.similarity_other).toBeLessThan(0.3);
  });

  test('the node draws other instances, never the own one (seed 1)', async () => {
    const node = await rig(similarity, {}, { host }), instances = [0, 1, 2, 3, 4, 5];
    const fake = tensor('f32', [6, width], Float32Array.from({ length: 18 }, (_, i) => Number(i % 3 === Math.floor(i / 3) % 2)));
    const { metrics } = await node.step(0, { fake, index: tensor('i64', [6], BigInt64Array.from(instances, BigInt)), neighbours });
    expect(metrics.similarity_own).toBeGreaterThan(0.9);
    expect(metrics.similarity_other).toBeLessThan(metrics.similarity_own);
    const own = Int32Array.from({ length: 500 }, (_, i) => i % size), others = othersOf(own, size, random('others'));
    expect(others.every((other, i) => other !== own[i] && other >= 0 && other < size)).toBe(true);
    expect(new Set(others).size).toBe(size);
  });

  test('names what is wrong', async () => {
    const one = (fake: TensorValue, instances = [0]) => createSimilarity({ neighbours, features }).add(fake, Int32Array.from(instances), Int32Array.of(1));
    expect(() => createSimilarity({ neighbours, features }).finish()).toThrow('there are no images');
    await expect(one(tensor('f32', [1, 2], new Float32Array(2)))).rejects.toThrow('they come from different extractors');
    await expect(one(tensor('f32', [1, width], Float32Array.of(1, Number.NaN, 0)))).rejects.toThrow('the features of image 0 hold something that is no finite number');
    await expect(one(tensor('f32', [1, width], Float32Array.of(1, 0, 0)), [99])).rejects.toThrow('instance 99 is none of 12');
    await expect(one(tensor('f32', [1, width], Float32Array.of(1, 0, 0)), [0, 1])).rejects.toThrow('there are 1 images and 2 instances');
    expect(() => othersOf(Int32Array.of(0), 1, random('none'))).toThrow('an independent one wants two at least');
  });
});
