/** @file The store of vectors: reused when nothing changed, says what did, survives being killed, reads from memory or the disk alike. */
import { spawn } from 'node:child_process';
import { readdir, readFile, rm, stat, truncate } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as wait } from 'node:timers/promises';
import type { SessionHost } from '../../engine/session/host.js';
import { keyedRandom } from '../../engine/session/keyed-random.js';
import { createWorkerHost } from '../../engine/session/worker-host.js';
import type { TensorValue } from '../../engine/spec/value.js';
import type { Dataset, Features } from '../../engine/training/values.js';
import { featuresOf } from '../../plugins/extractors/features.js';
import { AllSettings } from '../../plugins/extractors/settings.js';
import { heard, mixing, smallDataset, temporary, type Heard } from './extraction.js';
import { numbers } from './rig.js';

const seed = 3;
let folder: string, cache: string, host: SessionHost, first: string, second: string, count = 0;
beforeAll(async () => {
  folder = await temporary();
  host = await createWorkerHost({ threads: 1 });
  [first, second] = [await mixing(folder, 'first', 8, 6), await mixing(folder, 'second', 8, 7)];
});
beforeEach(() => { cache = path.join(folder, `cache ${count++}`); });
afterAll(async () => {
  await host.close();
  await rm(folder, { recursive: true });
});

const get = (run: Heard, dataset: Dataset, given: object): Promise<Features> => featuresOf(run.services, AllSettings.parse({ batch: 4, ...given }), dataset, { where: 'features' });
const everything = async (features: Features, mirrored?: Uint8Array) => numbers(await features.read(Int32Array.from({ length: features.size }, (_, i) => i), mirrored) as TensorValue);
const stores = async () => (await readdir(path.join(cache, 'features'))).sort();

test(`reused when nothing changed; what changed is named; swapping back reuses (seed ${seed})`, async () => {
  const run = heard(host, cache), dataset = smallDataset(10, [3, 8, 8], { seed });
  const said = async (given: object, on: Dataset = dataset) => {
    const from = run.notes.length, found = await get(run, on, given);
    return { found, notes: run.notes.slice(from).join('\n'), reads: dataset.reads.splice(0).length };
  };
  const one = await said({ model: first });
  expect(one.notes).toBe(`features: extracts 10 vectors of 6 by ${first}: the store has nothing of this model or this data`);
  const again = await said({ model: first });
  expect(again).toMatchObject({ reads: 0, notes: expect.stringMatching(/^features: reuses 10 vectors of 6 by .*first.onnx: model, output, preparation and data \(noise 3\) are the same/) });
  expect(await everything(again.found)).toEqual(await everything(one.found));
  expect(again.found.key).toBe(one.found.key);

  const other = await said({ model: second });
  expect(other.notes).toMatch(/extracts 10 vectors of 7 by .*second.onnx: of the nearest in the store model \(.*first.onnx [0-9a-f]{8} in the store, .*second.onnx [0-9a-f]{8} now\) changed, output, preparation, data, mirrored stayed/);
  expect(other.found.key).not.toBe(one.found.key);
  expect((await said({ model: first })).reads).toBe(0);
  expect((await said({ model: first, range: [-1, 1] })).notes).toMatch(/nearest in the store preparation \(range \[0,1\] in the store, \[-1,1\] now\) changed, model, output, data, mirrored stayed/);
  expect((await said({ model: first }, smallDataset(10, [3, 8, 8], { seed: 4 }))).notes).toMatch(/data \(noise 3 noise 3 {2}in the store, noise 4 noise 4 {2}now\) changed, model, output, preparation, mirrored stayed/);
  // Normalisation is done when vectors are read: the store does not depend on it.
  const raw = await said({ model: first, normalise: false });
  expect(raw.reads).toBe(0);
  expect(raw.found.key).not.toBe((await said({ model: first, normalise: true })).found.key);
  expect(await stores()).toHaveLength(4);
});

test(`memory and disk give the same rows, mirrored ones too (seed ${seed})`, async () => {
  const run = heard(host, cache), dataset = smallDataset(37, [3, 8, 8], { seed });
  const given = { model: first, flips: true, normalise: true };
  const held = await get(run, dataset, given), read = await get(run, dataset, { ...given, memory: 0 });
  const random = keyedRandom(seed, 'test', 0, 'indices');
  const indices = Int32Array.from([...random.integers(50, 37), 3, 4, 5, 6, 7, 0, 1, 36]), mirrored = Uint8Array.from(indices, (i) => (i % 3 === 0 ? 1 : 0));
  expect(numbers(await read.read(indices, mirrored) as TensorValue)).toEqual(numbers(await held.read(indices, mirrored) as TensorValue));
  expect(numbers(await read.read(indices) as TensorValue)).toEqual(numbers(await held.read(indices) as TensorValue));
  const flipped = { ...dataset, key: 'flipped', async read(at: Int32Array) {
    const { image, label } = await dataset.read(at), data = (image.data as Float32Array).slice();
    for (let row = 0; row < data.length; row += 8) data.subarray(row, row + 8).reverse();
    return { image: { ...image, data }, label };
  } };
  const direct = await everything(await get(run, flipped, { model: first, normalise: true }));
  const through = await everything(held, new Uint8Array(37).fill(1));
  through.forEach((v, i) => { expect(v).toBeCloseTo(direct[i]!, 5); });
  await expect(held.read(Int32Array.of(37))).rejects.toThrow('there is no vector 37: there are 37');
  await expect((await get(run, dataset, { model: first })).read(Int32Array.of(1), Uint8Array.of(1))).rejects.toThrow('mirrored images have no vectors of their own');
});

test(`a killed extraction goes on where it was, to the row (seed ${seed})`, async () => {
  const rows = 400, script = fileURLToPath(new URL('./extraction-process.js', import.meta.url));
  const child = spawn(process.execPath, [script, first, cache, String(rows), '40'], { stdio: ['ignore', 'ignore', 'inherit'] });
  const ended = new Promise<NodeJS.Signals | null>((resolve) => child.once('exit', (_, signal) => { resolve(signal); }));
  const manifest = async () => JSON.parse(await readFile(path.join(cache, 'features', (await stores())[0]!, 'manifest.json'), 'utf8')) as { complete: number };
  let complete = 0;
  for (let look = 0; look < 300 && !complete; look++) {
    await wait(50);
    complete = await manifest().then((m) => m.complete, () => 0);
  }
  child.kill('SIGKILL');
  expect(await ended).toBe('SIGKILL');
  ({ complete } = await manifest());
  expect(complete).toBeGreaterThan(0);
  expect(complete).toBeLessThan(rows);
  const folder_ = path.join(cache, 'features', (await stores())[0]!);
  expect((await readdir(folder_)).filter((name) => name.startsWith('features'))).toEqual(['features.f32.partial']);

  const run = heard(host, cache), dataset = smallDataset(rows, [3, 8, 8]);
  const resumed = await get(run, dataset, { model: first });
  expect(run.notes).toEqual([`features: goes on with 400 vectors of 6 by ${first} at ${complete}`]);
  expect(dataset.reads[0]).toBe(complete);
  expect((await readdir(folder_)).sort()).toEqual(['features.f32', 'manifest.json']);
  expect(await manifest()).toMatchObject({ complete: rows, rows, width: 6 });
  const whole = await get(heard(host, path.join(folder, 'whole')), smallDataset(rows, [3, 8, 8]), { model: first });
  expect(await everything(resumed)).toEqual(await everything(whole));
}, 60_000);

test(`asked to stop, it keeps what it has; a file that was cut is made again (seed ${seed})`, async () => {
  const run = heard(host, cache), stop = new AbortController(), dataset = smallDataset(40, [3, 8, 8], { seed });
  const services = { ...run.services, progress: (_: string, done: number) => { if (done >= 12) stop.abort(); } };
  await expect(featuresOf(services, AllSettings.parse({ model: first, batch: 4 }), dataset, { signal: stop.signal })).rejects.toThrow(/abort/i);
  const whole = await get(run, dataset, { model: first });
  expect(run.notes.at(-1)).toMatch(/goes on with 40 vectors of 6 by .* at 12$/);
  const file = path.join(cache, 'features', (await stores())[0]!, 'features.f32'), rows = await everything(whole);
  expect((await stat(file)).size).toBe(40 * 6 * 4);
  await truncate(file, 100);
  expect(await everything(await get(run, dataset, { model: first }))).toEqual(rows);
  expect(run.notes.at(-1)).toMatch(/an earlier extraction left no rows that can be used/);
});

test(`two that want the same vectors extract them once (seed ${seed})`, async () => {
  const run = heard(host, cache), dataset = smallDataset(20, [3, 8, 8], { seed });
  const [a, b] = await Promise.all([get(run, dataset, { model: first }), get(run, dataset, { model: first })]);
  expect(dataset.reads).toEqual([0, 4, 8, 12, 16]);
  expect(await everything(a)).toEqual(await everything(b));
});
