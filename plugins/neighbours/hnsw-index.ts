/** @file An HNSW index (Malkov and Yashunin 2018) in a thread of its own, saved as it grows. */
import { once } from 'node:events';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { inputError, type UnitVectors } from '../../engine/index.js';
import type { Answer, Request, Requests } from './hnsw-worker.js';

export interface IndexOptions {
  readonly m: number;
  readonly efConstruction: number;
  /** Where the index is saved. */
  readonly folder: string;
  /** Begins errors. */
  readonly where: string;
  readonly signal: AbortSignal;
  readonly progress: (done: number, total: number) => void;
}
export interface Index {
  /** Labels of the nearest of some rows, nearest first, `count` a row; -1 where fewer were found. */
  search(rows: Float32Array, count: number, ef: number): Promise<Int32Array>;
  close(): Promise<void>;
}

/** Points between two saves, and in one request: a stop is heard after one. */
const SAVE = 4096;
export const AT_ONCE = 64;

export const absent = (where: string, says = 'it is not installed') =>
  inputError(where, `it wants the package hnswlib-node: ${says}`, { try: 'npm install hnswlib-node (it compiles with a C++ toolchain), or neighbours/exact' });

/** Goes on with the index in the folder, or begins it, and adds all vectors. Whoever stops it may come again: whole saves stay. */
export async function buildIndex(vectors: UnitVectors, { m, efConstruction, folder, where, signal, progress }: IndexOptions): Promise<Index> {
  const worker = new Worker(new URL('./hnsw-worker.js', import.meta.url), { name: 'hnsw' }), ended = once(worker, 'exit'), { size, width } = vectors;
  const ask = async <K extends keyof Requests>(call: K, given: Requests[K]['ask']): Promise<Requests[K]['answer']> => {
    worker.postMessage({ call, ask: given } as Request);
    const [reply] = (await once(worker, 'message')) as [Answer];
    if (!('failed' in reply)) return reply.answer as Requests[K]['answer'];
    throw reply.absent ? absent(where, reply.failed.split('\n')[0]) : new Error(`hnswlib: ${reply.failed}`);
  };
  const close = async () => {
    worker.postMessage({ call: 'close', ask: null } satisfies Request);
    await ended;
  };
  try {
    let { points, file } = await savedIndex(folder, size);
    await ask('open', { shape: { width, size, m, efConstruction }, file });
    for (; points < size; progress(points, size)) {
      signal.throwIfAborted();
      const to = Math.min(size, points + AT_ONCE, (Math.floor(points / SAVE) + 1) * SAVE);
      await ask('add', { from: points, rows: await vectors.read(Int32Array.from({ length: to - points }, (_, i) => points + i)) });
      points = to;
      if (points % SAVE && points < size) continue;
      const before = file;
      file = join(folder, nameOf(points));
      await ask('save', { file });
      if (before) await rm(before, { force: true });
    }
    return { search: (rows, count, ef) => ask('search', { rows, count, ef }), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** A saved index says in its name how many points it holds. */
const nameOf = (points: number) => `index-${points}.hnsw`;

async function savedIndex(folder: string, size: number): Promise<{ points: number; file: string | undefined }> {
  const counts = (await readdir(folder).catch(() => [])).map((name) => Number(/^index-(\d+)\.hnsw$/.exec(name)?.[1] ?? 0)).filter((points) => points <= size);
  const points = Math.max(0, ...counts);
  return { points, file: points ? join(folder, nameOf(points)) : undefined };
}
