/** @file Checkpoints restore exactly what was saved, whole or not at all. */
import { cp, mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bestCheckpoint, listCheckpoints, loadCheckpoint, newestCheckpoint, pruneCheckpoints, saveCheckpoint, savedOutput } from '../../engine/journal/checkpoint.js';
import { isTransient, tensor, transient, type Resident, type Value } from '../../engine/spec/value.js';
import { createFakeHost } from './fake-host.js';

let folder = '';
beforeEach(async () => { folder = await mkdtemp(join(tmpdir(), 'gantry-checkpoint-')); });
afterEach(() => rm(folder, { recursive: true, force: true }));

const f32 = (...data: number[]) => tensor('f32', [data.length], new Float32Array(data));

const node = <S>(state: S, registers: Readonly<Record<string, Value>> = {}) => ({ state, registers, steps: 3 });

async function snapshotOf(host: ReturnType<typeof createFakeHost>, waves = 12) {
  const parameters = await host.put(f32(1, 2, 3));
  const moment = await host.put(f32(4, 5));
  const weights = { networks: { backbone: 'mlp', latent: 2 }, state: { 'generator/parameters': parameters }, averaged: true };
  return {
    waves,
    nodes: {
      train: node({ step: 7, weights, moment, lr: Number.NaN, floor: -0, big: 12n, nothing: undefined, none: null, $odd: { $also: 1 }, list: [1, 'a', [true]] }, { weights }),
      clusters: node({ mapping: new BigInt64Array([3n, -1n]), flags: tensor('bool', [3], new Uint8Array([1, 0, 1])), history: Array.from({ length: 1000 }, (_, i) => i / 7) },
        { centre: tensor('f64', [2, 1], new Float64Array([0.5, Number.NEGATIVE_INFINITY])) }),
      data: node({ dataset: { [transient]: true, read: () => 1 } as const }),
    },
  };
}

test('every kind of value comes back as it was', async () => {
  const host = createFakeHost();
  const snapshot = await snapshotOf(host);
  const path = await saveCheckpoint(folder, snapshot, { host, graph: 'abc', versions: { gantry: '0.1.0' } });
  const other = createFakeHost();
  const loaded = await loadCheckpoint(path, other, { graph: 'abc' });
  expect(loaded.waves).toBe(12);
  const { clusters, train, data } = loaded.nodes;
  expect(clusters).toEqual(snapshot.nodes.clusters);
  expect(train!.steps).toBe(3);
  expect(isTransient((data!.state as { dataset: unknown }).dataset)).toBe(true);
  const { weights, moment, ...plain } = train!.state as Record<string, unknown>;
  const { weights: _weights, moment: _moment, ...wanted } = snapshot.nodes.train.state;
  expect(plain).toStrictEqual(wanted);
  expect(Object.keys(plain)).toEqual(Object.keys(wanted));

  // The weights sit in the state and in the register: one resident in the host.
  const held = (weights as { state: Record<string, Resident> }).state['generator/parameters']!;
  expect((train!.registers.weights as typeof weights & { state: Record<string, Resident> }).state['generator/parameters']).toBe(held);
  expect(other.residents.size).toBe(2);
  expect(await other.get(held)).toEqual(f32(1, 2, 3));
  expect(await other.get(moment as Resident)).toEqual(f32(4, 5));
});

test('the same snapshot gives the same bytes, after a restore and in whatever order nodes finished', async () => {
  const host = createFakeHost();
  const snapshot = await snapshotOf(host);
  const first = await saveCheckpoint(join(folder, 'a'), snapshot, { host, graph: 'abc', metrics: { 'm.b': 1, 'm.a': Number.NaN } });
  const loaded = await loadCheckpoint(first, host);
  expect(loaded.metrics).toEqual({ 'm.a': Number.NaN, 'm.b': 1 });
  const shuffled = { ...loaded, nodes: Object.fromEntries(Object.entries(loaded.nodes).reverse()) };
  const second = await saveCheckpoint(join(folder, 'b'), shuffled, { host, graph: 'abc', metrics: { 'm.a': Number.NaN, 'm.b': 1 } });
  for (const file of ['manifest.json', 'tensors.safetensors']) {
    expect((await readFile(join(second, file))).equals(await readFile(join(first, file)))).toBe(true);
  }
  expect(host.busiest).toBe(1);
});

test('tensors are named by their place', async () => {
  const host = createFakeHost();
  const path = await saveCheckpoint(folder, await snapshotOf(host), { host, graph: 'abc' });
  const bytes = await readFile(join(path, 'tensors.safetensors'));
  const header = JSON.parse(bytes.subarray(8, 8 + Number(bytes.readBigUInt64LE())).toString()) as object;
  expect(Object.keys(header)).toEqual(['clusters.centre', 'clusters.state.flags', 'clusters.state.history', 'clusters.state.mapping',
    'train.state.moment', 'train.state.weights.state.generator/parameters']);
});

test.each([
  ['a truncated tensor file', (path: string) => truncate(join(path, 'tensors.safetensors'), 300), /tensors\.safetensors: is not what was saved/],
  ['a missing tensor file', (path: string) => rm(join(path, 'tensors.safetensors')), /tensors\.safetensors: can not be opened: ENOENT/],
  ['a truncated manifest', (path: string) => truncate(join(path, 'manifest.json'), 100), /manifest\.json: is not what was saved/],
  ['a changed digit', async (path: string) => {
    const file = join(path, 'manifest.json');
    await writeFile(file, (await readFile(file, 'utf8')).replace('"step":7', '"step":8'));
  }, /manifest\.json: is not what was saved/],
])('%s is an error that names the previous checkpoint', async (_what, damage, says) => {
  const host = createFakeHost();
  await saveCheckpoint(folder, await snapshotOf(host, 10), { host, graph: 'abc' });
  const path = await saveCheckpoint(folder, await snapshotOf(host, 20), { host, graph: 'abc' });
  await damage(path);
  const fresh = createFakeHost();
  const failure = loadCheckpoint(path, fresh);
  await expect(failure).rejects.toThrow(says);
  await expect(failure).rejects.toThrow('the previous checkpoint is wave-000000010');
  await expect(failure).rejects.toMatchObject({ exitCode: 2 });
  expect(fresh.residents.size).toBe(0);
});

test('a checkpoint of another graph is refused', async () => {
  const host = createFakeHost();
  const path = await saveCheckpoint(folder, await snapshotOf(host), { host, graph: 'abc' });
  await expect(loadCheckpoint(path, host, { graph: 'abd' })).rejects.toThrow('is a checkpoint of another graph');
});

test('what can not survive a resume is named when it is first saved, and nothing is left behind', async () => {
  const host = createFakeHost();
  const save = (state: unknown) => saveCheckpoint(folder, { waves: 1, nodes: { node: node({ inner: state }) } }, { host, graph: '' });
  const loop: { self?: unknown } = {};
  loop.self = loop;
  await expect(save(new Map())).rejects.toThrow('node.state.inner: is a Map');
  await expect(save(() => 1)).rejects.toThrow('node.state.inner: is a function');
  await expect(save(loop)).rejects.toThrow('node.state.inner.self: refers to itself');
  await expect(save(new Int8Array(1))).rejects.toThrow('node.state.inner: is a Int8Array');
  const gone = await host.put(f32(1));
  host.release([gone]);
  await expect(save(gone)).rejects.toThrow('was released');
  expect(await readdir(folder)).toEqual([]);
});

test('saving a wave again replaces it, and a replacement that was killed half way is undone', async () => {
  const host = createFakeHost();
  const path = await saveCheckpoint(folder, await snapshotOf(host, 5), { host, graph: 'a' });
  await saveCheckpoint(folder, await snapshotOf(host, 5), { host, graph: 'b' });
  expect((await loadCheckpoint(path, host)).graph).toBe('b');
  // Killed between the two renames: the old folder is aside, the new one still partial.
  await cp(path, `${path}.replaced`, { recursive: true });
  await rm(path, { recursive: true });
  await mkdir(`${path}.partial`);
  expect((await newestCheckpoint(folder))?.waves).toBe(5);
  expect(await readdir(folder)).toEqual(['wave-000000005']);
});

test('the last ones and the best are kept', async () => {
  const host = createFakeHost();
  const values = [3, 1, 2, Number.NaN, 5];
  for (const [waves, value] of values.entries()) {
    await saveCheckpoint(folder, { waves, nodes: {} }, { host, graph: '', metrics: { 'test.frechet': value } });
  }
  expect(await bestCheckpoint(folder, { metric: 'test.frechet', direction: 'min' })).toMatchObject({ waves: 1, value: 1 });
  expect(await bestCheckpoint(folder, { metric: 'test.frechet', direction: 'max' })).toMatchObject({ waves: 4, value: 5 });
  expect(await bestCheckpoint(folder, { metric: 'other', direction: 'max' })).toBeUndefined();
  await pruneCheckpoints(folder, 2, { metric: 'test.frechet', direction: 'min' });
  expect((await listCheckpoints(folder)).map(({ waves }) => waves)).toEqual([1, 3, 4]);
  await pruneCheckpoints(folder, 1);
  expect((await listCheckpoints(folder)).map(({ waves }) => waves)).toEqual([4]);
});

test('the event loop goes on turning while a large checkpoint is saved and loaded', async () => {
  const host = createFakeHost();
  const large = () => host.put(tensor('f32', [13_000_000], new Float32Array(13_000_000).fill(0.5)));
  const nodes = { a: node(await large()), b: node(await large()) };
  let turns = 0;
  let busy = true;
  const turn = () => { turns++; if (busy) setImmediate(turn); };
  turn();
  const path = await saveCheckpoint(folder, { waves: 1, nodes }, { host, graph: '' });
  const saving = turns;
  await loadCheckpoint(path, createFakeHost());
  busy = false;
  // One turn at least for every megabyte that is written or hashed.
  expect(saving).toBeGreaterThan(99);
  expect(turns - saving).toBeGreaterThan(99);
});

test('an output that a run\'s checkpoint kept: of the newest wave or an earlier one, with its tensors in another host or known without', async () => {
  const host = createFakeHost(), other = createFakeHost(), run = folder, output = 'train.weights';
  for (const waves of [12, 20]) await saveCheckpoint(join(run, 'checkpoints'), await snapshotOf(host, waves), { host, graph: 'abc' });
  const whole = await savedOutput({ run, output }, other) as { readonly networks: unknown; readonly state: Record<string, Resident> };
  expect(await other.get(whole.state['generator/parameters']!)).toEqual(f32(1, 2, 3));
  expect(other.residents.size).toBe(1);
  expect(await savedOutput({ run, output, waves: 12 })).toEqual({ ...whole, state: { 'generator/parameters': undefined } });
  expect(await savedOutput({ run, output: 'clusters.centre' })).toEqual(tensor('f64', [2, 1], new Float64Array([0.5, Number.NEGATIVE_INFINITY])));
  await expect(savedOutput({ run, output, waves: 13 })).rejects.toMatchObject({ exitCode: 2, message: expect.stringContaining('no checkpoint after 13 waves; those that it kept are after 12, 20') });
  await expect(savedOutput({ run, output: 'train.metrics' })).rejects.toMatchObject({ exitCode: 2, message: expect.stringContaining('they hold what is read a wave late or as its latest: clusters.centre, train.weights') });
  await expect(savedOutput({ run: join(run, 'nowhere'), output })).rejects.toMatchObject({ exitCode: 2, message: expect.stringContaining('is it the folder of a run?') });
  const tensors = join(run, 'checkpoints/wave-000000020/tensors.safetensors'), bytes = await readFile(tensors);
  bytes[bytes.length - 1]! ^= 1;
  await writeFile(tensors, bytes);
  await expect(savedOutput({ run, output }, other)).rejects.toMatchObject({ exitCode: 2, message: expect.stringContaining('its sha256 differs') });
});
