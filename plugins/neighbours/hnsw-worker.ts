/** @file The thread of the HNSW index: hnswlib is synchronous, takes plain numbers and one point at a time. Each request is answered, in order; the thread ends when its port is closed. */
import { closeSync, fsyncSync, openSync, renameSync } from 'node:fs';
import { createRequire } from 'node:module';
import { parentPort } from 'node:worker_threads';

/** What is used of hnswlib-node, which may be absent. */
interface Index {
  initIndex(options: { readonly maxElements: number; readonly m: number; readonly efConstruction: number; readonly randomSeed: number }): void;
  readIndexSync(file: string): void;
  writeIndexSync(file: string): void;
  addPoint(point: readonly number[], label: number): void;
  searchKnn(point: readonly number[], count: number): { readonly neighbors: readonly number[] };
  setEf(ef: number): void;
}
interface Library { readonly HierarchicalNSW: new (space: 'ip', width: number) => Index }

export interface Shape { readonly width: number; readonly size: number; readonly m: number; readonly efConstruction: number }

/** Every request, with its answer. */
export interface Requests {
  /** Starts an index, or goes on with the one in a file. */
  open: { readonly ask: { readonly shape: Shape; readonly file: string | undefined }; readonly answer: null };
  /** Rows of finite numbers; the first gets the label `from`. */
  add: { readonly ask: { readonly from: number; readonly rows: Float32Array }; readonly answer: null };
  /** Writes the index whole, and goes on with what the file says: so a build that was cut goes on as one that was not. */
  save: { readonly ask: { readonly file: string }; readonly answer: null };
  /** The labels of the nearest to each row, the nearest first; -1 where the search found less. */
  search: { readonly ask: { readonly rows: Float32Array; readonly count: number; readonly ef: number }; readonly answer: Int32Array };
  close: { readonly ask: null; readonly answer: null };
}
export type Request = { [K in keyof Requests]: { readonly call: K; readonly ask: Requests[K]['ask'] } }[keyof Requests];
export type Answer = { readonly answer: unknown } | { readonly failed: string; readonly absent: boolean };

const SEED = 100;
const port = parentPort!;
let shape: Shape, index: Index, library: Library | undefined;

const fresh = (): Index => new library!.HierarchicalNSW('ip', shape.width);
const points = (rows: Float32Array) => Array.from({ length: rows.length / shape.width }, (_, i) => Array.from(rows.subarray(i * shape.width, (i + 1) * shape.width)));
function load(file: string): void {
  index = fresh();
  index.readIndexSync(file);
}

const calls: { readonly [K in keyof Requests]: (ask: Requests[K]['ask']) => Requests[K]['answer'] } = {
  open(ask) {
    library ??= createRequire(import.meta.url)('hnswlib-node') as Library;
    ({ shape } = ask);
    if (ask.file) load(ask.file);
    else {
      index = fresh();
      index.initIndex({ maxElements: shape.size, m: shape.m, efConstruction: shape.efConstruction, randomSeed: SEED });
    }
    return null;
  },
  add({ from, rows }) {
    points(rows).forEach((point, i) => { index.addPoint(point, from + i); });
    return null;
  },
  save({ file }) {
    const partial = `${file}.partial`;
    index.writeIndexSync(partial);
    const opened = openSync(partial, 'r+');
    fsyncSync(opened);
    closeSync(opened);
    renameSync(partial, file);
    load(file);
    return null;
  },
  search({ rows, count, ef }) {
    index.setEf(ef);
    const out = new Int32Array((rows.length / shape.width) * count).fill(-1);
    points(rows).forEach((point, i) => { out.set(index.searchKnn(point, count).neighbors, i * count); });
    return out;
  },
  close() {
    port.close(); // nothing else holds the thread: it ends by itself
    return null;
  },
};

port.on('message', ({ call, ask }: Request) => {
  try {
    port.postMessage({ answer: (calls[call] as (ask: unknown) => unknown)(ask) } satisfies Answer);
  } catch (error) {
    port.postMessage({ failed: (error as Error).message, absent: !library } satisfies Answer);
  }
});
