/**
 * @file The journal: what a run's nodes emitted on `@metrics` and `@picture` ports, on disk. `metrics.jsonl` holds one line a wave that has metrics,
 * `pictures/` a file a picture or page, `timing.jsonl` the time that nodes took (the only place with clock times), `notes.jsonl` remarks for people.
 */
import { appendFile, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Outputs, RunEvent } from '../dataflow/events.js';
import type { Metrics, Picture } from '../spec/picture.js';
import { diskError, makeFolder, sweepPartial, writeAtomically } from './atomic.js';
import { cutLog, lineOf, type LogLine } from './log.js';
import { encodePicture } from './picture.js';

export interface JournalOptions {
  /** The run's directory. */
  readonly directory: string;
  /** The type of a node's output port, from the plan. */
  readonly portType: (node: string, port: string) => string | undefined;
  /** Metrics that come in every wave are logged in waves that this divides: the value of that wave. Default 10. */
  readonly every?: number;
  /** Called with each line that goes to metrics.jsonl. */
  readonly onMetrics?: (line: MetricsLine) => void;
}

/** What is logged of one wave. `news` are those of the metrics that do not come in every wave: results of evaluations. */
export interface MetricsLine { readonly wave: number; readonly metrics: Metrics; readonly news: Metrics }

export interface Journal {
  /** Takes an event; writing goes on behind. Throws what an earlier write failed with. */
  record(event: RunEvent): void;
  /** A remark for people, filed under the wave that is going on. */
  note(message: string): void;
  /** Resolves when everything of the completed waves is written: await it before the checkpoint of a wave, which must not be ahead of the logs. */
  flush(): Promise<void>;
  /**
   * For a resume, before anything is recorded: drops all but the first `waves` waves. `metrics` are the last values as of then, which the thinned log does not hold all
   * of; `recent` are those of the last of these waves.
   */
  cutBack(waves: number, recent: readonly string[], metrics: Metrics): Promise<void>;
  /** The last value of each metric, by `node.name`, as of the last completed wave; a new object whenever it changes. */
  readonly latest: Metrics;
  /** The metrics of the last completed wave, by `node.name`, sorted: which ones came does not show in the log, which is thinned out. */
  readonly recent: readonly string[];
}

const EVERY = 10;
const TIMING_EVERY = 100;

/** Where logs and pictures lie in a run's directory. */
export const METRICS = 'metrics.jsonl';
export const TIMING = 'timing.jsonl';
export const NOTES = 'notes.jsonl';
export const PICTURES = 'pictures';

/** A picture's file name, and what it says: pages of one picture are numbered from 1. */
const nameOfPicture = (port: string, page: number | undefined, wave: number, ending: string): string =>
  `${port}${page === undefined ? '' : `.${String(page).padStart(3, '0')}`}-${String(wave).padStart(9, '0')}.${ending}`;
export function parsePictureName(file: string): { readonly port: string; readonly page?: number; readonly wave: number } | undefined {
  const match = /^([^.]+)(?:\.(\d{3,}))?-(\d{9,})\.(?:png|svg)$/.exec(file);
  return match ? { port: match[1]!, ...(match[2] && { page: Number(match[2]) }), wave: Number(match[3]) } : undefined;
}

export function createJournal({ directory, portType, every = EVERY, onMetrics }: JournalOptions): Journal {
  /** The wave in which each metric came last: one that came in the wave before, too, is dense and is thinned out. */
  const cameIn = new Map<string, number>();
  const spent = new Map<string, { ms: number; steps: number }>();
  let latest: Metrics = {};
  let current = 0;
  let since = performance.now();
  let queue = Promise.resolve();
  let failure: { readonly error: unknown } | undefined;

  const enqueue = (write: () => Promise<void>): void => {
    queue = queue.then(async () => {
      if (!failure) await write().catch((error: unknown) => { failure = { error }; });
    });
  };
  const append = (file: string, line: LogLine): void => enqueue(async () => {
    const path = join(directory, file);
    await appendFile(path, lineOf(line)).catch((error: unknown) => { throw diskError(error, path); });
  });

  const recordMetrics = (wave: number, emitted: Readonly<Record<string, number>>): void => {
    const metrics = Object.entries(emitted).sort(([a], [b]) => (a < b ? -1 : 1));
    const news = metrics.filter(([name]) => cameIn.get(name) !== wave - 1);
    const due = wave % every === 0 ? metrics : news;
    for (const [name] of metrics) cameIn.set(name, wave);
    latest = { ...latest, ...emitted };
    if (!due.length) return;
    const line = Object.fromEntries(due);
    append(METRICS, { wave, ...line });
    onMetrics?.({ wave, metrics: line, news: Object.fromEntries(news) });
  };

  const recordPicture = (wave: number, port: string, picture: Picture): void => enqueue(async () => {
    await makeFolder(join(directory, PICTURES));
    const pages = picture.kind === 'pages' ? picture.pages : [picture];
    for (const [i, page] of pages.entries()) {
      const { ending, bytes } = await encodePicture(page);
      await writeAtomically(join(directory, PICTURES, nameOfPicture(port, picture.kind === 'pages' ? i + 1 : undefined, wave, ending)), bytes);
    }
  });

  const recordWave = (wave: number, outputs: Readonly<Record<string, Outputs>>): void => {
    const metrics: Record<string, number> = {};
    for (const [node, emitted] of Object.entries(outputs)) {
      for (const [port, value] of Object.entries(emitted)) {
        const type = portType(node, port);
        if (type === '@picture') recordPicture(wave, `${node}-${port}`, value as Picture);
        if (type === '@metrics') for (const [name, number] of Object.entries(value as Metrics)) metrics[`${node}.${name}`] = number;
      }
    }
    if (Object.keys(metrics).length) recordMetrics(wave, metrics);
    current = wave + 1;
    if (current % TIMING_EVERY === 0) recordTiming(wave);
  };

  const recordTiming = (wave: number): void => {
    const now = performance.now();
    const nodes = Object.fromEntries([...spent].sort(([a], [b]) => (a < b ? -1 : 1)).map(([node, { ms, steps }]) => [node, { ms: round(ms), steps }]));
    append(TIMING, { wave, seconds: round((now - since) / 1000), nodes });
    spent.clear();
    since = now;
  };

  return {
    get latest() { return latest; },
    get recent() { return [...cameIn].flatMap(([name, wave]) => (wave === current - 1 ? [name] : [])).sort(); },
    record(event) {
      if (failure) throw failure.error;
      if (event.type === 'wave') recordWave(event.wave, event.outputs);
      if (event.type !== 'stepped') return;
      const { ms, steps } = spent.get(event.node) ?? { ms: 0, steps: 0 };
      spent.set(event.node, { ms: ms + event.ms, steps: steps + 1 });
    },
    note: (message) => append(NOTES, { wave: current, note: message }),
    async flush() {
      await queue;
      if (failure) throw failure.error;
    },
    async cutBack(waves, recent, metrics) {
      await cutLog(join(directory, METRICS), waves);
      await cutLog(join(directory, TIMING), waves);
      await cutLog(join(directory, NOTES), waves);
      latest = metrics;
      current = waves;
      for (const name of recent) cameIn.set(name, waves - 1);
      await sweepPartial(join(directory, PICTURES));
      for (const file of await readdir(join(directory, PICTURES)).catch(() => [])) {
        if ((parsePictureName(file)?.wave ?? 0) >= waves) await rm(join(directory, PICTURES, file), { force: true });
      }
    },
  };
}

const round = (value: number): number => Math.round(value * 1000) / 1000;
