/** @file Neighbours against all distances in float64: ties, duplicates, blocks, doubt, vectors that can't have any, and what is found again. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import type { SessionHost } from '../../engine/session/host.js';
import { keyedRandom } from '../../engine/session/keyed-random.js';
import { createWorkerHost } from '../../engine/session/worker-host.js';
import { tensor, transient } from '../../engine/spec/value.js';
import type { Features, Neighbours } from '../../engine/training/values.js';
import { exact } from '../../plugins/neighbours/exact.js';
import { hnsw } from '../../plugins/neighbours/hnsw.js';
import { searchExactly } from '../../plugins/neighbours/exact-search.js';
import { unitVectors } from '../../engine/training/unit-vectors.js';
import { rig } from './rig.js';

const seed = 11;
const there = (() => { try { return createRequire(import.meta.url).resolve('hnswlib-node'); } catch { return undefined; } })();
/** hnswlib-node is optional: it wants a compiler. */
const describeHnsw = there ? describe : describe.skip;
const random = (name: string) => keyedRandom(seed, 'neighbours test', 0, name);

let host: SessionHost, cache: string;
beforeAll(async () => {
  host = await createWorkerHost({ threads: 1 });
  cache = await mkdtemp(path.join(os.tmpdir(), 'gantry-neighbours-'));
});
afterAll(async () => {
  await host.close();
  await rm(cache, { recursive: true, force: true });
});

const featuresOf = (data: Float32Array, width: number, { key = 'test', labels = new Int32Array(data.length / width), classes = 1 } = {}): Features & { reads: number } => {
  const features = {
    [transient]: true as const, key, size: data.length / width, width, normalised: false, labels, classes, flips: false, reads: 0,
    async read(indices: Int32Array) {
      features.reads++;
      const rows = new Float32Array(indices.length * width);
      indices.forEach((from, to) => { rows.set(data.subarray(from * width, (from + 1) * width), to * width); });
      return tensor('f32', [indices.length, width], rows);
    },
  };
  return features;
};

/** Points around a few centres, some of them several times over, some of them nearly. */
function points(size: number, width: number, name = 'points'): Float32Array {
  const data = random(name).normal(size * width), centre = random(`${name} centres`).normal(5 * width);
  for (let i = 0; i < size; i++) for (let j = 0; j < width; j++) data[i * width + j] = centre[(i % 5) * width + j]! + 0.5 * data[i * width + j]!;
  for (let i = 0; i + 40 < size; i += 37) {
    data.copyWithin((i + 3) * width, i * width, (i + 1) * width);
    data.copyWithin((i + 20) * width, i * width, (i + 1) * width);
    data[(i + 20) * width]! += 1e-4;
  }
  return data;
}

/** The k nearest of every row by all distances in float64, ties by index. */
function oracle(unit: Float32Array, width: number, k: number) {
  const size = unit.length / width;
  return Array.from({ length: size }, (_, i) => {
    const square = Array.from({ length: size }, (__, j) => {
      let sum = 0;
      for (let n = 0; n < width; n++) sum += (unit[i * width + n]! - unit[j * width + n]!) ** 2;
      return sum;
    });
    return Array.from(square.keys()).filter((j) => j !== i).sort((a, b) => square[a]! - square[b]! || a - b).slice(0, k).map((j) => ({ j, distance: Math.sqrt(square[j]!) }));
  });
}

const search = async (data: Float32Array, width: number, k: number, memory = 2 ** 30, vectorBytes = 2 ** 30) => {
  const vectors = await unitVectors(featuresOf(data, width), vectorBytes, 'here');
  const unit = await vectors.read(Int32Array.from({ length: vectors.size }, (_, i) => i));
  return { unit, found: await searchExactly(host, vectors, { k, memory }) };
};
function expectEqual({ unit, found: { index, distance } }: Awaited<ReturnType<typeof search>>, width: number, k: number) {
  oracle(unit, width, k).forEach((near, i) => {
    expect(Array.from(index.subarray(i * k, (i + 1) * k))).toEqual(near.map(({ j }) => j));
    near.forEach((n, at) => { expect(Math.abs(distance[i * k + at]! - n.distance)).toBeLessThanOrEqual(1e-7 * n.distance); });
  });
}

describe(`exact search (seed ${seed})`, () => {
  // One block; several; several that the host can't hold at once, and vectors that are read again and again.
  test.each([
    ['one block', 300, 19, 7, 2 ** 30, 2 ** 30], ['a sample and more', 2300, 8, 5, 2 ** 30, 2 ** 30],
    ['little memory', 700, 64, 6, 2 ** 17, 0], ['everybody', 40, 6, 39, 2 ** 30, 2 ** 30], ['one neighbour of two', 2, 3, 1, 2 ** 30, 0],
  ])('finds what all distances in float64 say: %s', async (_, size, width, k, memory, vectorBytes) => {
    expectEqual(await search(points(size, width), width, k, memory, vectorBytes), width, k);
  });

  test('equals go by index, where there are more of them than neighbours', async () => {
    const width = 4, data = points(1500, width);
    for (let i = 0; i < 1500; i += 3) data.set([1, 2, 3, 4], i * width);
    const made = await search(data, width, 10);
    expectEqual(made, width, 10);
    expect(Array.from(made.found.index.subarray(0, 10))).toEqual([3, 6, 9, 12, 15, 18, 21, 24, 27, 30]);
    expect(made.found.doubtful).toBeGreaterThan(400);
  });

  test('measures near-duplicates, whose similarity is 1 in float32', async () => {
    const width = 64, data = random('near').normal(20 * width);
    for (let i = 1; i < 20; i++) for (let j = 0; j < width; j++) data[i * width + j] = data[j]! * (1 + (j === i ? 2e-5 * i : 0));
    expectEqual(await search(data, width, 8), width, 8);
  });

  test('does not depend on how much memory it has, and leaves nothing in the host', async () => {
    const data = points(1300, 12), before = [...host.residents];
    const [much, little] = [await search(data, 12, 9), await search(data, 12, 9, 2 ** 18, 0)];
    expect(little.found.index).toEqual(much.found.index);
    expect(little.found.distance).toEqual(much.found.distance);
    expect([...host.residents]).toEqual(before);
  });

  test('stops when it is told to, and leaves nothing in the host', async () => {
    const control = new AbortController(), before = [...host.residents], vectors = await unitVectors(featuresOf(points(3000, 8), 8), 2 ** 30, 'here');
    const pending = searchExactly(host, vectors, { k: 5, memory: 2 ** 30, signal: control.signal, progress: () => { control.abort(new Error('enough')); } });
    await expect(pending).rejects.toThrow('enough');
    expect([...host.residents]).toEqual(before);
  });
});

describe(`neighbours/exact (seed ${seed})`, () => {
  const width = 10, labels = Int32Array.from({ length: 400 }, (_, i) => i % 5), features = (key: string) => featuresOf(points(400, width), width, { key, labels, classes: 5 });

  test('emits once for each set of vectors and reports on them once in a run, finds it in the store the next time, and says so', async () => {
    const notes: string[] = [], given = features('set'), node = await rig(exact, { k: 7 }, { host, cache, notes });
    const first = await node.step(0, { features: given }), again = await node.step(1, { features: given });
    const { index, distance, k } = first.neighbours as Neighbours;
    expect([k, index.length, first.neighbours.features]).toEqual([7, 2800, given]);
    expect(again).toEqual({});
    expect(first.metrics.sameClass).toBeCloseTo(index.reduce((n, j, at) => n + Number(labels[j] === labels[Math.floor(at / 7)]), 0) / 2800, 12);
    expect(first.metrics.radius).toBeCloseTo(Array.from({ length: 400 }, (_, i) => distance[7 * i + 6]!).reduce((a, b) => a + b) / 400, 5);
    expect(first.metrics.distance).toBeLessThan(first.metrics.radius);
    expect(notes).toEqual([]);

    const untouched = features('set'), next = await rig(exact, { k: 7 }, { host, cache, notes }), found = await next.step(5, { features: untouched });
    expect(found.neighbours.index).toEqual(index);
    expect(found.neighbours.distance).toEqual(distance);
    expect(found.metrics).toEqual(first.metrics);
    expect([untouched.reads, notes.length]).toEqual([0, 1]);
    expect(notes[0]).toContain('node: reuses the 7 neighbours of 400 vectors');

    const resumed = await rig(exact, { k: 7 }, { host, cache });
    resumed.state = node.state;
    expect(Object.keys(await resumed.step(6, { features: features('set') }))).toEqual(['neighbours']);

    await (await rig(exact, { k: 8 }, { host, cache, notes })).step(0, { features: untouched });
    await (await rig(exact, { k: 7 }, { host, cache, notes })).step(0, { features: features('other') });
    expect(notes.length).toBe(1);
    const files = (await readdir(cache, { recursive: true })).filter((name) => name.includes('.'));
    expect(files.filter((name) => !/(manifest\.json|neighbours\.safetensors)$/.test(name))).toEqual([]);
  });

  test.each([
    ['NaN', Number.NaN, 'node.in.features: the vector of image 17 is not finite'], ['infinity', Number.POSITIVE_INFINITY, 'the vector of image 17 is not finite'],
    ['a zero vector', 0, 'the vector of image 17 is zero: it has no direction'],
  ])('refuses %s, and names the image', async (_, value, says) => {
    const data = points(60, width);
    data.fill(value, 17 * width, 18 * width);
    const node = await rig(exact, { k: 3 }, { host, cache });
    await expect(node.step(0, { features: featuresOf(data, width, { key: `bad ${value}` }) })).rejects.toThrow(says);
  });

  test('refuses more neighbours than there are others', async () => {
    const node = await rig(exact, { k: 400 }, { host, cache });
    await expect(node.step(0, { features: features('few') })).rejects.toThrow('nodes.node.config.k: 400 neighbours are wanted of each of 400 images; there are 399 others');
  });
});

describeHnsw(`neighbours/hnsw (seed ${seed})`, () => {
  const width = 16, size = 5000, labels = Int32Array.from({ length: size }, (_, i) => i % 5), features = (key: string) => featuresOf(points(size, width), width, { key, labels, classes: 5 });
  const config = { k: 10, m: 8, efConstruction: 40, efSearch: 60, sample: 200 };

  test('finds most of the nearest, measures how many, and gives exact distances', async () => {
    const given = features('hnsw'), node = await rig(hnsw, config, { host, cache }), { neighbours, metrics } = await node.step(0, { features: given });
    const exactly = await rig(exact, { k: 10 }, { host, cache }), all = (await exactly.step(0, { features: given })).neighbours as Neighbours;
    const near = (i: number) => Array.from({ length: 10 }, (_, n) => n).filter((n) => neighbours.distance[10 * i + n]! <= all.distance[10 * i + 9]!).length;
    const share = Array.from({ length: size }, (_, i) => near(i)).reduce((a, b) => a + b) / (10 * size);
    expect(share).toBeGreaterThan(0.9);
    expect(Math.abs(metrics.recall - share)).toBeLessThan(0.03);
    for (let i = 0; i < size; i++) {
      const who = Array.from((neighbours as Neighbours).index.subarray(10 * i, 10 * (i + 1)));
      expect([new Set(who).size, who.includes(i)]).toEqual([10, false]);
      who.forEach((j, n) => { const at = all.index.subarray(10 * i, 10 * (i + 1)).indexOf(j); if (at >= 0) expect(neighbours.distance[10 * i + n]).toBe(all.distance[10 * i + at]); });
    }
  });

  test('cut while it links or searches, goes on where it was, and finds the same', async () => {
    const whole = (await (await rig(hnsw, config, { host, cache })).step(0, { features: features('hnsw') })).neighbours as Neighbours;
    const other = await mkdtemp(path.join(os.tmpdir(), 'gantry-hnsw-')), seen: string[] = [], given = features('hnsw');
    const until = async (what: RegExp, least: number) => {
      const control = new AbortController(), node = await rig(hnsw, config, { host, cache: other, signal: control.signal, progress: (doing, done) => {
        seen.push(`${doing} ${done}`);
        if (what.test(doing) && done >= least) control.abort(new Error('enough'));
      } });
      return node.step(0, { features: given });
    };
    await expect(until(/index/, 4200)).rejects.toThrow('enough');
    await expect(until(/neighbours of/, 2000)).rejects.toThrow('enough');
    const from = seen.findIndex((line, n) => n > 0 && line.includes('index') && Number(line.split(' ').at(-1)) < Number(seen[n - 1]!.split(' ').at(-1)));
    expect(seen[from]).toContain(' 4160'); // after the save at 4096
    const resumed = (await until(/never/, 0)).neighbours as Neighbours;
    expect(resumed.index).toEqual(whole.index);
    expect(resumed.distance).toEqual(whole.distance);
    const files = (await readdir(other, { recursive: true })).filter((name) => /\.\w+$/.test(name)).map((name) => path.basename(name)).sort();
    expect(files).toEqual(['index-5000.hnsw', 'manifest.json', 'manifest.json', 'neighbours.safetensors']);
    await rm(other, { recursive: true, force: true });
  });

  test('refuses what hnswlib would take in silence', async () => {
    const data = points(60, width);
    data[17 * width + 3] = Number.NaN;
    const node = await rig(hnsw, { k: 3 }, { host, cache });
    await expect(node.step(0, { features: featuresOf(data, width, { key: 'bad for hnsw' }) })).rejects.toThrow('the vector of image 17 is not finite');
  });
});
