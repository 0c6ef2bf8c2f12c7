/** @file The journal logs what nodes emit, and a resumed run's logs are those of a run that was never stopped. */
import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decode } from 'fast-png';
import type { RunEvent } from '../../engine/dataflow/events.js';
import { createJournal, parsePictureName, type Journal } from '../../engine/journal/journal.js';
import { drawScatter, encodeGrid, titleOf } from '../../engine/journal/picture.js';
import type { Picture } from '../../engine/spec/picture.js';
import { tensor, type Value } from '../../engine/spec/value.js';

let directory = '';
beforeEach(async () => { directory = await mkdtemp(join(tmpdir(), 'gantry-journal-')); });
afterEach(() => rm(directory, { recursive: true, force: true }));

const TYPES: Readonly<Record<string, string>> = { 'train.loss': '@metrics', 'test.score': '@metrics', 'test.view': '@picture', 'train.weights': '@weights' };
const open = () => createJournal({ directory, portType: (node, port) => TYPES[`${node}.${port}`] });
const waveOf = (wave: number, outputs: Readonly<Record<string, Readonly<Record<string, Value>>>>): RunEvent =>
  ({ type: 'wave', wave, completed: wave + 1, outputs, snapshot: { waves: wave + 1, nodes: {} } });
const view: Picture = { kind: 'images', title: 'Samples <now>', images: tensor('f32', [1, 1, 1, 1], new Float32Array([1])) };

/** Losses in every wave, a score and a picture every `cadence` waves. */
function play(journal: Journal, from: number, waves: number, cadence: number): void {
  for (let wave = from; wave < waves; wave++) {
    journal.record({ type: 'stepped', wave, node: 'train', outputs: {}, ms: 2 });
    journal.record(waveOf(wave, {
      train: { loss: { generator: wave / 2, discriminator: -wave }, weights: {} },
      ...(wave % cadence === 0 ? { test: { score: { frechet: 100 - wave }, view } } : {}),
    }));
  }
}
const lines = async (file: string) => (await readFile(join(directory, file), 'utf8')).trim().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);

test('metrics of every wave are logged each ten waves, those of a slower cadence when they come', async () => {
  const journal = open();
  play(journal, 0, 31, 15);
  await journal.flush();
  expect(await lines('metrics.jsonl')).toEqual([
    { wave: 0, 'test.frechet': 100, 'train.discriminator': 0, 'train.generator': 0 },
    { wave: 10, 'train.discriminator': -10, 'train.generator': 5 },
    { wave: 15, 'test.frechet': 85 },
    { wave: 20, 'train.discriminator': -20, 'train.generator': 10 },
    { wave: 30, 'test.frechet': 70, 'train.discriminator': -30, 'train.generator': 15 },
  ]);
  expect(journal.latest).toEqual({ 'test.frechet': 70, 'train.discriminator': -30, 'train.generator': 15 });
  expect(await readdir(join(directory, 'pictures'))).toEqual([0, 15, 30].map((wave) => `test-view-${String(wave).padStart(9, '0')}.png`));
  expect(parsePictureName('test-view-000000015.png')).toEqual({ port: 'test-view', wave: 15 });
});

test.each([[15, 27], [15, 30], [15, 31], [4, 24], [7, 22], [10, 20], [1, 13], [3, 30], [11, 44], [4, 4], [9, 9]])(
  'with a cadence of %i, a run killed after wave %i and resumed has the logs of a run that was not', async (cadence, kill) => {
    const whole = open();
    play(whole, 0, 60, cadence);
    await whole.flush();
    const wanted = { metrics: await readFile(join(directory, 'metrics.jsonl'), 'utf8'), pictures: await readdir(join(directory, 'pictures')), latest: whole.latest };
    await rm(directory, { recursive: true });
    directory = await mkdtemp(join(tmpdir(), 'gantry-journal-'));

    const killed = open();
    play(killed, 0, kill, cadence);
    const { recent, latest } = killed;
    play(killed, kill, kill + 9, cadence);
    await killed.flush();
    await appendFile(join(directory, 'metrics.jsonl'), '{"wave":99,"cut sh');
    await writeFile(join(directory, 'pictures', 'test-view-000000001.png.partial'), 'half');
    const resumed = open();
    await resumed.cutBack(kill, recent, latest);
    play(resumed, kill, 60, cadence);
    await resumed.flush();
    expect(await readFile(join(directory, 'metrics.jsonl'), 'utf8')).toBe(wanted.metrics);
    expect(await readdir(join(directory, 'pictures'))).toEqual(wanted.pictures);
    expect(resumed.latest).toEqual(wanted.latest);
  });

test('numbers that JSON does not have are null in the log and the last metrics know them', async () => {
  const journal = open();
  journal.record(waveOf(0, { test: { score: { frechet: Number.NaN } } }));
  await journal.flush();
  expect(await readFile(join(directory, 'metrics.jsonl'), 'utf8')).toBe('{"wave":0,"test.frechet":null}\n');
  const resumed = open();
  await resumed.cutBack(1, ['test.frechet'], journal.latest);
  expect(resumed.latest).toEqual({ 'test.frechet': Number.NaN });
});

test('time and remarks have files of their own', async () => {
  const journal = open();
  play(journal, 0, 100, 1000);
  journal.note('a file could not be read');
  await journal.flush();
  expect(await lines('timing.jsonl')).toEqual([{ wave: 99, seconds: expect.any(Number), nodes: { train: { ms: 200, steps: 100 } } }]);
  expect(await lines('notes.jsonl')).toEqual([{ wave: 100, note: 'a file could not be read' }]);
});

test('a write that fails stops the run at its next event, with the place', async () => {
  const journal = open();
  await rm(directory, { recursive: true });
  play(journal, 1, 2, 1000);
  await expect(journal.flush()).rejects.toMatchObject({ exitCode: 3, message: expect.stringContaining('metrics.jsonl: can not be written') });
  expect(() => journal.record(waveOf(1, {}))).toThrow('metrics.jsonl');
});

test('an image grid is a PNG with gutters, -1 black and 1 white', async () => {
  const images = tensor('f32', [3, 3, 1, 2], new Float32Array([
    -1, 1, 0, 0, 2, -2, // red, green, blue of the first
    1, 1, 1, 1, 1, 1,
    -1, -1, -1, -1, -1, Number.NaN]));
  const bytes = await encodeGrid({ kind: 'images', title: 'Grün & blau', images, columns: 2 });
  const png = decode(bytes, { checkCrc: true });
  expect([png.width, png.height, png.channels, png.depth]).toEqual([10, 8, 3, 8]);
  const pixel = (x: number, y: number) => Array.from(png.data.slice((y * 10 + x) * 3, (y * 10 + x) * 3 + 3));
  expect(pixel(2, 2)).toEqual([0, 128, 255]);
  expect(pixel(3, 2)).toEqual([255, 128, 0]);
  expect(pixel(6, 2)).toEqual([255, 255, 255]);
  expect(pixel(2, 5)).toEqual([0, 0, 0]);
  expect(pixel(3, 5)).toEqual([0, 0, 0]);
  expect(pixel(0, 0)).toEqual([40, 40, 40]);
  expect(pixel(6, 5)).toEqual([40, 40, 40]);
  expect(titleOf('a.png', Buffer.from(bytes))).toBe('Grün &amp; blau');
});

test('the first columns of a grid can stand apart', async () => {
  const apart = decode(await encodeGrid({ kind: 'images', title: '', columns: 3, apart: 1, images: tensor('f32', [3, 1, 1, 1], Float32Array.of(1, 1, -1)) }));
  expect([apart.width, ...apart.data.subarray(2 * apart.width, 3 * apart.width)]).toEqual([19, 40, 40, 255, ...Array(10).fill(40), 255, 40, 40, 0, 40, 40]);
});

test('a grey grid has one channel, near square; other sizes are refused', async () => {
  const grey = decode(await encodeGrid({ kind: 'images', title: '', images: tensor('f32', [5, 1, 2, 2], new Float32Array(20)) }));
  expect([grey.width, grey.height, grey.channels]).toEqual([3 * 4 + 2, 2 * 4 + 2, 1]);
  await expect(encodeGrid({ kind: 'images', title: 'odd', images: tensor('f32', [1, 2, 1, 1], new Float32Array(2)) }))
    .rejects.toThrow('picture "odd" is f32[1,2,1,1]; wanted is f32[N,1,H,W] or f32[N,3,H,W]');
});

test('a scatter has both series in equal scale, and counts what lies outside the real points', async () => {
  const svg = await drawScatter({ kind: 'scatter', title: 'a <b>', series: [
    { name: 'real', points: new Float32Array([-1, -1, 1, 1]) },
    { name: 'fake', points: new Float32Array([0, 0, 50, 0, Number.NaN, 0]) }] });
  expect(svg).toContain('<title>a &lt;b&gt;</title>');
  expect(svg).toContain('fake (2 outside)');
  expect(svg).toContain('M210 210h0" stroke="#2f6fd6"');
  // The frame is a tenth wider than the points: ±1 lies at 210 ± 210/1.1.
  expect(svg).toContain('M19.1 400.9h0M400.9 19.1h0" stroke="#d6453d"');
  expect(titleOf('a.svg', Buffer.from(svg))).toBe('a &lt;b&gt;');
});
