/** @file What a run prints: a redrawn line on a terminal, few plain lines elsewhere, JSON lines for programs. */
import { createConsole, duration } from '../../engine/journal/console.js';
import type { RunEvent } from '../../engine/dataflow/events.js';

const waveOf = (wave: number): RunEvent => ({ type: 'wave', wave, completed: wave + 1, outputs: {}, snapshot: { waves: wave + 1, nodes: {} } });

function play(options: { readonly isTTY: boolean; readonly json?: boolean; readonly columns?: number }) {
  const [out, err]: [string[], string[]] = [[], []];
  let time = 0;
  const console = createConsole({
    json: options.json, images: 64, now: () => time, memory: () => 300 * 2 ** 20,
    out: { write: (text: string) => out.push(text) },
    err: { write: (text: string) => err.push(text), isTTY: options.isTTY, columns: options.columns ?? 200 },
  });
  console.record({ type: 'started', from: 0, waves: 4000 });
  for (let wave = 0; wave < 4000; wave++) {
    time += 10;
    console.record(waveOf(wave));
    if (wave % 10 === 0) console.metrics({ wave, metrics: { 'train.generator': 0.712345, 'train.discriminator': wave === 0 ? Number.NaN : 1.5 }, news: {} });
    if (wave === 2000) console.metrics({ wave, metrics: { 'test.modes': 25 }, news: { 'test.modes': 25 } });
  }
  console.note('a remark');
  console.finished({ waves: 4000, out: 'runs/ring-1', metrics: { 'test.modes': 25 }, longestStall: 12.3 });
  return { out, err };
}

test('on a terminal one line is redrawn with losses, rates, the time left and memory', () => {
  const { out, err } = play({ isTTY: true });
  expect(out).toEqual([]);
  expect(err.filter((text) => text.startsWith('\rwave')).at(100))
    .toBe('\rwave 1,001/4,000 25 % · generator 0.7123 · discriminator 1.5 · 100 waves/s · 6,400 images/s · ETA 30 s · 300 MB\x1b[K');
  expect(err).toContain('\r\x1b[Kwave 2,000: test.modes 25\n');
  expect(err.slice(-2)).toEqual(['\r\x1b[Ka remark\n', 'done after 4,000 waves, 40 s: runs/ring-1\n']);
});

test('what takes long within a wave says how much time is left', () => {
  const err: string[] = [];
  let time = 0;
  const console = createConsole({ err: { write: (text: string) => err.push(text), isTTY: true }, now: () => time });
  for (const [done, at] of [[500, 0], [600, 2000], [900, 8000]] as const) {
    time = at;
    console.progress('data: decoding', done, 1000);
  }
  expect(err).toEqual(['\rdata: decoding 500/1,000\x1b[K', '\rdata: decoding 600/1,000 · ETA 8 s\x1b[K', '\rdata: decoding 900/1,000 · ETA 2 s\x1b[K']);
});

test('a narrow terminal gets a line that fits', () => {
  const { err } = play({ isTTY: true, columns: 30 });
  for (const text of err.filter((line) => line.startsWith('\rwave'))) expect(text.length).toBeLessThanOrEqual(1 + 29 + 3);
});

test('elsewhere plain lines come now and then', () => {
  const { err } = play({ isTTY: false });
  expect(err.join('')).not.toContain('\x1b');
  expect(err.map((line) => line.split(' · ')[0])).toEqual([
    'wave 1/4,000 0 %', 'wave 1,501/4,000 37 %', 'wave 2,000: test.modes 25\n', 'wave 3,001/4,000 75 %', 'a remark\n', 'done after 4,000 waves, 40 s: runs/ring-1\n']);
});

test('with json every line on stdout is an object, waves are throttled, the last one says how it ended', () => {
  const { out, err } = play({ isTTY: false, json: true });
  const events = out.map((line) => JSON.parse(line) as { type: string; wave?: number; metrics?: object });
  expect(events[0]).toEqual({ type: 'started', from: 0, waves: 4000 });
  expect(events.filter(({ type }) => type === 'wave').length).toBeLessThan(45);
  expect(events.filter(({ type }) => type === 'wave').at(-1)).toEqual({ type: 'wave', wave: 3999, waves: 4000 });
  expect(events.find(({ type }) => type === 'metrics')).toEqual({ type: 'metrics', wave: 0, metrics: { 'train.generator': 0.712345, 'train.discriminator': null } });
  expect(events.at(-1)).toEqual({ type: 'finished', waves: 4000, out: 'runs/ring-1', metrics: { 'test.modes': 25 }, longestStall: 12.3 });
  expect(err.length).toBeGreaterThan(0);
});

test('something long within a wave says how long it will take, by what was done since it was first heard of', () => {
  const err: string[] = [];
  let time = 0;
  const console = createConsole({ now: () => time, err: { write: (text: string) => err.push(text), isTTY: true, columns: 200 } });
  for (const done of [500, 600, 1000]) {
    console.progress('features', done, 1000);
    time += 2000;
  }
  expect(err).toEqual(['\rfeatures 500/1,000\x1b[K', '\rfeatures 600/1,000 · ETA 8 s\x1b[K', '\rfeatures 1,000/1,000\x1b[K']);
});

test('durations', () => {
  expect([7.6, 185, 3599.6, 7630].map(duration)).toEqual(['8 s', '3 m 05 s', '1 h 00 m', '2 h 07 m']);
});
