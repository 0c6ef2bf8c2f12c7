/** @file A finished run opened: samples of its own instances and of another folder's, keyed by seed and place; what is nearest; and `gantry sample --instances` on it. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { decode } from 'fast-png';
import { load } from '../../engine/dataflow/load.js';
import { openRun } from '../../engine/index.js';
import { nearestRows } from '../../engine/registry/nearest-rows.js';
import { createEngine } from '../../engine/registry/engine.js';
import type { OpenRun } from '../../engine/registry/open-run.js';
import { PACKAGE } from '../../engine/registry/paths.js';
import { runGraph } from '../../engine/registry/run-graph.js';
import { keyedRandom } from '../../engine/session/keyed-random.js';
import { tensor } from '../../engine/spec/value.js';
import type { Features } from '../../engine/training/values.js';
import { drawSquares, small, type Squares } from '../graphs/squares.js';

const seed = 31, MAIN = fileURLToPath(new URL('../../engine/cli/main.js', import.meta.url));
const numbers = (data: unknown) => Array.from(data as ArrayLike<number | bigint>, Number);
let squares: Squares, path: string, run: OpenRun;
beforeAll(async () => {
  squares = drawSquares(seed);
  path = join(squares.folder, 'run');
  const file = join(PACKAGE, 'graphs/ic-gan/flowers-32-classes.json'), engine = await createEngine();
  try {
    await runGraph(engine, { graph: small(await load(file), squares), file, issues: [] }, { out: path, waves: 2, seed });
  } finally { await engine.close(); }
  run = await openRun(path);
}, 120_000);
afterAll(async () => {
  await run?.close();
  squares.remove();
});

test('samples come instance by instance, seed by seed, with the instance and its own class; noise is the same for all instances', async () => {
  const { images, z, of, label, vector, instances } = await run.sample({ instances: [3, 17], count: 2, seeds: [1, 2] });
  expect([images.dims, z.dims, vector!.dims]).toEqual([[8, 3, 32, 32], [8, 8], [8, 48]]);
  expect(of).toEqual([0, 0, 0, 0, 1, 1, 1, 1].map((instance, i) => ({ instance, seed: [1, 1, 2, 2][i % 4] })));
  expect(numbers(label!.data)).toEqual([0, 0, 0, 0, 2, 2, 2, 2]);
  expect(instances!.names).toEqual(['class-0/3.png', 'class-2/1.png']);
  const row = (i: number) => numbers(z.data.subarray(8 * i, 8 * (i + 1)));
  expect(row(0)).toEqual(row(4));
  expect(row(0)).not.toEqual(row(1));
  expect(row(0)).not.toEqual(row(2));
  const alone = await run.sample({ instances: [17], seeds: [2] });
  expect(numbers(alone.z.data)).toEqual(row(6));
});

test('classes are dealt out, noise is cut off, candidates are ranked by their features', async () => {
  const { label, z } = await run.sample({ instances: [3, 17], classes: [4, 1], truncation: 0.5, count: 40 });
  expect([...new Set(numbers(label!.data.subarray(0, 40))), ...new Set(numbers(label!.data.subarray(40)))]).toEqual([4, 1]);
  const largest = (z.data as Float32Array).reduce((most, v) => Math.max(most, Math.abs(v)), 0);
  expect(largest).toBeLessThanOrEqual(1);
  expect(largest).toBeGreaterThan(0.9);
  const all = await run.sample({ instances: [3], count: 6, candidates: 1 }), best = await run.sample({ instances: [3], count: 2, candidates: 3 });
  const distances = best.of.map(({ distance }) => distance!);
  expect(distances).toEqual([...distances].sort((a, b) => a - b));
  expect(Array.from({ length: 6 }, (_, i) => numbers(all.z.data.subarray(8 * i, 8 * (i + 1))))).toEqual(expect.arrayContaining([numbers(best.z.data.subarray(0, 8))]));
});

test("another folder's photos are instances, too, read and extracted as in the run", async () => {
  const there = await run.instances(join(squares.photos, 'class-2')), own = await run.instances([16, 17]);
  expect(there.names.length).toBe(8);
  expect(numbers(there.vector.data.subarray(0, 96))).toEqual(numbers(own.vector.data));
  await expect(run.instances('nowhere')).rejects.toMatchObject({ exitCode: 2, message: expect.stringContaining('--instances: there is no folder nowhere') });
  expect(there.labels).toBeUndefined();
  await expect(run.sample({ instances: there })).rejects.toMatchObject({ exitCode: 2, message: expect.stringContaining("--classes: photos of another folder have no class of this run's") });
  expect(numbers((await run.sample({ instances: there, classes: [4] })).label!.data)).toEqual(Array(8).fill(4));
  mkdirSync(join(squares.folder, 'empty'));
  await expect(run.instances(join(squares.folder, 'empty'))).rejects.toMatchObject({ exitCode: 2, message: expect.stringMatching(/--instances: .*holds no photos/) });
  await expect(run.instances([40])).rejects.toMatchObject({ exitCode: 2, message: expect.stringContaining('there is no instance 40') });
});

test.each([
  [{ instances: [2 ** 32 + 3] }, '--instances: there is no instance 4294967299'], [{ instances: [1.5] }, '--instances: there is no instance 1.5'], [{ instances: [] }, '--instances: there are none'],
  [{ instances: { random: 0 } }, '--instances: random:0 wants 1 to 40'], [{ instances: { random: 41 } }, '--instances: random:41 wants 1 to 40'],
  [{ instances: [1], classes: [] }, '--classes: there are none'], [{ instances: [1], count: 0 }, '--count'], [{ instances: [1], candidates: 1.5 }, '--candidates'],
  [{ instances: [1], seeds: [] }, '--seeds'], [{ instances: [1], truncation: 0 }, '--truncation'], [{}, '--instances: this generator is conditioned on instances'],
])('%j is refused, nothing rounded or wrapped', async (options, says) => {
  await expect(run.sample(options)).rejects.toMatchObject({ exitCode: 2, message: expect.stringContaining(says) });
});

test('parts in turn are the whole', async () => {
  const options = { instances: 'all', count: 2, seeds: [1, 2, 3, 4], candidates: 2, classes: [0, 3] }, all = await run.sample(options);
  const sizes: number[] = [], images: number[] = [];
  for await (const part of run.stream(options)) {
    sizes.push(part.of.length);
    images.push(...numbers(part.images.data.subarray(0, 4)));
  }
  expect(sizes).toEqual([128, 128, 64]);
  expect(all.of.length).toBe(320);
  expect(all.of[319]).toEqual({ instance: 39, seed: 4, distance: expect.any(Number) });
  expect(numbers(all.label!.data.subarray(312))).toEqual(Array(8).fill(3));
  expect([0, 128, 256].flatMap((row) => numbers(all.images.data.subarray(row * 3072, row * 3072 + 4)))).toEqual(images);
});

test(`rows nearest by cosine are those of plain sums, over several blocks (seed ${seed})`, async () => {
  const size = 5000, width = 400, draw = keyedRandom(seed, 'rows', 0, 'features'), data = draw.normal(size * width), query = draw.normal(3 * width);
  data.fill(0, 10 * width, 11 * width);
  const engine = await createEngine(), length = (v: Float32Array) => Math.hypot(...v), row = (of: Float32Array, i: number) => of.subarray(i * width, (i + 1) * width);
  try {
    const read = async (indices: Int32Array) => tensor('f32', [indices.length, width], Float32Array.from({ length: indices.length * width }, (_, i) => data[indices[Math.floor(i / width)]! * width + (i % width)]!));
    const found = await nearestRows(engine.services, tensor('f32', [3, width], query), { size, width, read } as Features, 6);
    for (let q = 0; q < 3; q++) {
      const cosine = Array.from({ length: size }, (_, i) => row(query, q).reduce((sum, v, f) => sum + v * row(data, i)[f]!, 0) / (length(row(query, q)) * length(row(data, i)) || 1));
      const best = cosine.map((_, i) => i).sort((a, b) => cosine[b]! - cosine[a]!).slice(0, 6);
      expect(numbers(found.index.subarray(6 * q, 6 * q + 6))).toEqual(best);
      best.forEach((i, n) => { expect(found.cosine[6 * q + n]).toBeCloseTo(cosine[i]!, 5); });
    }
  } finally { await engine.close(); }
});

test('the training image nearest to a training image is itself', async () => {
  const { image } = await run.instances([5, 30]), { index, cosine, names } = await run.nearest(image, 3);
  expect([index[0], index[3]]).toEqual([5, 30]);
  expect(cosine[0]).toBeCloseTo(1, 5);
  expect(names[1]![0]).toBe('class-3/6.png');
  expect(cosine[1]!).toBeLessThanOrEqual(cosine[0]!);
});

test('the command writes sheets and says what every sample is; mistakes name their option', () => {
  const out = join(squares.folder, 'samples'), gantry = (...args: string[]) => spawnSync(process.execPath, [MAIN, 'sample', path, ...args], { encoding: 'utf8', cwd: squares.folder });
  execFileSync(process.execPath, [MAIN, 'sample', path, '--instances', '3,17', '--seeds', '1,2', '--count', '1', '--nearest', '2', '--out', out], { cwd: squares.folder, stdio: 'ignore' });
  expect(readdirSync(out).sort()).toEqual(['contact-sheet.png', 'nearest.png', 'sample-0.png', 'sample-1.png', 'sample-2.png', 'sample-3.png', 'samples.json']);
  expect(JSON.parse(readFileSync(join(out, 'samples.json'), 'utf8'))[3]).toMatchObject({ file: 'sample-3.png', instance: 'class-2/1.png', seed: 2, class: 2, nearest: [expect.any(Object), expect.any(Object)] });
  execFileSync(process.execPath, [MAIN, 'sample', path, '--instances', '3,17', '--seeds', '1,2', '--interpolate', '--out', join(squares.folder, 'paths')], { cwd: squares.folder, stdio: 'ignore' });
  expect(readdirSync(join(squares.folder, 'paths'))).toHaveLength(2 + 64);
  expect(gantry('--instances', '3', '--classes', '9')).toMatchObject({ status: 2, stderr: expect.stringContaining('--classes: "9" is no label; labels are 0 to 4') });
  expect(gantry('--instances', '3', '--interpolate')).toMatchObject({ status: 2, stderr: expect.stringContaining('--interpolate: it wants two instances; there are 1') });
  expect(gantry('--instances', '3', '--classes', '3,')).toMatchObject({ status: 2, stderr: expect.stringContaining('--classes: "" is no label') });
  expect(gantry('--instances', '3', '--seed', '4')).toMatchObject({ status: 2, stderr: expect.stringContaining('--seed: it does not go with --instances') });
});

test('every instance under every class: instances down, classes across, the same noise in all', () => {
  const out = join(squares.folder, 'swapped');
  execFileSync(process.execPath, [MAIN, 'sample', path, '--instances', '3,17', '--classes', '4,0,1', '--count', '1', '--out', out], { cwd: squares.folder, stdio: 'ignore' });
  const about = JSON.parse(readFileSync(join(out, 'samples.json'), 'utf8')) as { readonly instance: string; readonly class: number }[];
  expect(about.map((one) => [one.instance, one.class])).toEqual(['class-0/3.png', 'class-2/1.png'].flatMap((name) => [4, 0, 1].map((label) => [name, label])));
  // Two rows of an instance, a gap of four gutters, three samples.
  expect(decode(readFileSync(join(out, 'contact-sheet.png')))).toMatchObject({ width: 4 * 34 + 2 + 8, height: 2 * 34 + 2 });
});
