/**
 * @file What people and programs see of a run while it goes. For people, on stderr: one progress line that is redrawn on a terminal, a plain line
 * now and then elsewhere. For programs, with `json`: one JSON object a line on stdout.
 */
import type { RunEvent } from '../dataflow/events.js';
import type { Metrics } from '../spec/picture.js';
import type { MetricsLine } from './journal.js';
import { short } from './svg.js';

interface Sink { write(text: string): unknown; readonly isTTY?: boolean; readonly columns?: number }

export interface ConsoleOptions {
  readonly json?: boolean;
  /** Images that a wave trains on, for images/s. */
  readonly images?: number;
  readonly out?: Sink;
  readonly err?: Sink;
  /** Milliseconds that go forward. */
  readonly now?: () => number;
  /** Bytes in use. */
  readonly memory?: () => number;
}

/** How a run ended: `out` is its directory. */
export interface Ending {
  readonly waves: number;
  readonly out: string;
  readonly metrics: Metrics;
  /** The longest that the main loop was held up after the first wave, in milliseconds. */
  readonly longestStall: number;
}

export interface Console {
  record(event: RunEvent): void;
  metrics(line: MetricsLine): void;
  /** Something that takes more than a moment within a wave. */
  progress(what: string, done: number, total: number): void;
  note(message: string): void;
  /** The last line, when everything is written. */
  finished(ending: Ending): void;
  stopped(ending: Ending): void;
}

const REDRAW_MS = 100;
const PLAIN_MS = 15_000;
const JSON_MS = 1000;
const WINDOW_MS = 10_000;

export function createConsole({
  json = false, images = 0, out = process.stdout, err = process.stderr, now = () => performance.now(), memory = () => process.memoryUsage.rss(),
}: ConsoleOptions = {}): Console {
  const live = err.isTTY === true;
  let total = 0;
  let completed = 0;
  let began = now();
  /** Moments of the last seconds, for rates that follow changes. */
  let moments: { readonly at: number; readonly completed: number }[] = [];
  let steady: Metrics = {};
  let drawn = false;
  const due = throttle(now);
  /** What is in progress: when it was first heard of, and how much of it was done then. */
  let phase = { what: '', at: 0, done: 0 };

  const emit = (event: object): void => { if (json) out.write(`${JSON.stringify(event)}\n`); };
  const say = (text: string): void => {
    err.write(`${drawn ? '\r\x1b[K' : ''}${text}\n`);
    drawn = false;
  };
  const draw = (text: string): void => {
    err.write(`\r${text.slice(0, (err.columns ?? 80) - 1)}\x1b[K`);
    drawn = true;
  };
  const show = (parts: readonly string[]): void => {
    if (live ? due('line', REDRAW_MS) : due('line', PLAIN_MS)) (live ? draw : say)(parts.filter(Boolean).join(' · '));
  };

  const pace = (): number => {
    const at = now();
    moments = [...moments.filter((moment) => at - moment.at < WINDOW_MS), { at, completed }].slice(-200);
    const first = moments[0]!;
    return at > first.at ? (completed - first.completed) / (at - first.at) * 1000 : 0;
  };
  const drawWave = (): void => {
    const rate = pace();
    show([
      `wave ${short(completed)}/${short(total)} ${Math.floor(completed / Math.max(1, total) * 100)} %`,
      ...Object.entries(steady).slice(0, 3).map(([name, value]) => `${name.slice(name.indexOf('.') + 1)} ${short(value)}`),
      rate ? `${short(Number(rate.toPrecision(3)))} waves/s` : '',
      rate && images ? `${short(Math.round(rate * images))} images/s` : '',
      rate && completed < total ? `ETA ${duration((total - completed) / rate)}` : '',
      `${short(Math.round(memory() / 2 ** 20))} MB`,
    ]);
  };
  const end = (type: 'finished' | 'stopped', verb: string, { waves, out: path, metrics, longestStall }: Ending): void => {
    say(`${verb} after ${short(waves)} waves, ${duration((now() - began) / 1000)}: ${path}`);
    emit({ type, waves, out: path, metrics, longestStall });
  };

  return {
    record(event) {
      if (event.type === 'started') {
        total = event.waves;
        completed = event.from;
        began = now();
        moments = [{ at: began, completed }];
        emit({ type: 'started', from: event.from, waves: event.waves });
      }
      if (event.type !== 'wave') return;
      completed = event.completed;
      const last = completed === total;
      if (last || due('json', JSON_MS)) emit({ type: 'wave', wave: event.wave, waves: total });
      if (live ? due('wave', REDRAW_MS) : due('wave', JSON_MS)) drawWave();
    },
    metrics({ wave, metrics, news }) {
      const known = Object.entries(metrics).filter(([name]) => !(name in news));
      if (known.length) steady = Object.fromEntries(known);
      const text = Object.entries(news).map(([name, value]) => `${name} ${short(value)}`).join(' · ');
      if (text) say(`wave ${short(wave)}: ${text}`);
      emit({ type: 'metrics', wave, metrics });
    },
    progress(what, done, of) {
      if (phase.what !== what || done < phase.done) phase = { what, at: now(), done };
      const left = done > phase.done ? (now() - phase.at) / 1000 * (of - done) / (done - phase.done) : 0;
      show([`${what} ${short(done)}/${short(of)}`, left ? `ETA ${duration(left)}` : '', total ? `wave ${short(completed)}/${short(total)}` : '']);
      if (due('progress', JSON_MS)) emit({ type: 'progress', what, done, total: of });
    },
    note(message) {
      say(message);
      emit({ type: 'note', message });
    },
    finished: (ending) => end('finished', 'done', ending),
    stopped: (ending) => end('stopped', 'stopped', ending),
  };
}

/** Seconds as people say them: `8 s`, `3 m 05 s`, `2 h 07 m`. */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  const two = (value: number) => String(value).padStart(2, '0');
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} m ${two(whole % 60)} s`;
  return `${Math.floor(whole / 3600)} h ${two(Math.floor(whole / 60) % 60)} m`;
}

/** Whether it is time again: true at most once an interval for each name. */
function throttle(now: () => number): (name: string, ms: number) => boolean {
  const last = new Map<string, number>();
  return (name, ms) => {
    const at = now();
    if (at - (last.get(name) ?? Number.NEGATIVE_INFINITY) < ms) return false;
    last.set(name, at);
    return true;
  };
}
