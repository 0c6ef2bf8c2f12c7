/**
 * @file `neighbours/hnsw`: nearly the nearest others of every vector, by a graph that is walked from each (Malkov and Yashunin 2018).
 * With a recall of 0.995 it takes 11 times as long as all pairs at 10,000 and at 20,000 vectors of 512, one thread each; all pairs grow with the square, and on two cores this one
 * should overtake them beyond some 400,000 vectors.
 */
import { open, rm, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { z } from 'zod';
import { defineNode, diskError, type WaveContext } from '../../engine/index.js';
import { emptyLists, settle, SPARE, type Lists, type Unsettled } from './distances.js';
import { absent, AT_ONCE, buildIndex, type Index } from './hnsw-index.js';
import { ports, searchOptions, seeking, type Order } from './neighbours-node.js';
import { recall, searchSample } from './sample-search.js';
import { alone, folderOf, writeManifest } from './store.js';

const Config = z.strictObject({
  ...searchOptions,
  m: z.int().min(2).max(100).default(16).describe('M: links of a point on each level of the graph'),
  efConstruction: z.int().min(1).default(200).describe('candidates kept while a point is linked'),
  efSearch: z.int().min(1).default(200).describe('candidates kept while neighbours are sought; recall grows with it'),
  sample: z.int().min(1).default(1000).describe('vectors that are compared with all others, to measure the recall'),
});
type Options = z.infer<typeof Config>;

/** Candidates that a search has found so far, in a file that a cut search goes on with. */
const CANDIDATES = 'candidates.partial';

export const hnsw = defineNode({
  name: 'neighbours/hnsw',
  about: 'Nearly the k nearest others of every vector, by an HNSW index that is kept in the store; its distances are exact, its recall is measured. For sets where comparing all pairs takes too long.',
  config: Config,
  ...ports,
  check(_, { node }) {
    try { createRequire(import.meta.url).resolve('hnswlib-node'); } catch { throw absent(`nodes.${node}`); }
  },
  start(options) {
    const { k, m, efConstruction, efSearch, sample } = options;
    return seeking(options, { search: 'hnsw', k, m, efConstruction, efSearch, sample }, (order, wave) => seek(options, order, wave));
  },
});

async function seek({ k, m, efConstruction, efSearch, sample }: Options, { vectors, features, folder }: Order, wave: WaveContext) {
  const { node, services, signal } = wave, { size } = vectors, steps = (what: string) => (done: number, total: number) => services.progress(`${node}: ${what}`, done, total);
  // Searches of any breadth, for any number of neighbours, share an index.
  const saved = { index: 'hnsw', m, efConstruction }, home = folderOf(services, features, saved);
  const index = await alone(home, wave, async () => {
    await writeManifest(home, features, saved);
    return buildIndex(vectors, { m, efConstruction, folder: home, where: `nodes.${node}`, signal, progress: steps(`HNSW index of ${size} vectors`) });
  });
  let lists: Lists;
  try {
    lists = await searchAll(index, { vectors, k, ef: efSearch, file: join(folder, CANDIDATES), signal, progress: steps(`${k} neighbours of ${size} vectors`) });
  } finally { await index.close(); }
  // Evenly spread: images of one class may lie side by side.
  const count = Math.min(sample, size), which = Int32Array.from({ length: count }, (_, i) => Math.floor(((i + 0.5) * size) / count));
  return { ...lists, measured: { recall: recall(lists, which, await searchSample(services.host, vectors, which, k, signal)) } };
}

interface Search extends Pick<Order, 'vectors' | 'k'> {
  readonly ef: number;
  readonly file: string;
  readonly signal: AbortSignal;
  readonly progress: (done: number, total: number) => void;
}

/** Searches for every vector by the index, then settles what was found by exact distances. */
export async function searchAll(index: Index, { vectors, k, ef, file, signal, progress }: Search): Promise<Lists> {
  const { size } = vectors, each = Math.min(k + 1 + SPARE, size), lists = emptyLists(size, k), known = Math.floor(((await stat(file).catch(() => undefined))?.size ?? 0) / (4 * each));
  const kept = await open(file, known ? 'r+' : 'w+').catch((error: unknown) => { throw diskError(error, file); });
  try {
    for (let from = 0; from < size; progress(from, size)) {
      signal.throwIfAborted();
      const to = Math.min(size, from + AT_ONCE), rows = Int32Array.from({ length: to - from }, (_, i) => from + i);
      let found = new Int32Array(rows.length * each);
      if (to <= known) await kept.read(found, 0, found.byteLength, 4 * from * each);
      else {
        found = await index.search(await vectors.read(rows), each, Math.max(ef, each)) as typeof found;
        await kept.write(found, 0, found.byteLength, 4 * from * each);
      }
      await settle(vectors, Array.from(rows, (row, i) => unsettled(row, found.subarray(i * each, (i + 1) * each), k)), lists, signal);
      from = to;
    }
  } finally { await kept.close(); }
  await rm(file, { force: true });
  return lists;
}

/** What an index found for a row, itself left out. Nobody knows how near the rest is; only who has too few is compared with all. */
function unsettled(row: number, found: Int32Array, k: number): Unsettled {
  const who = found.filter((j) => j >= 0 && j !== row);
  return { row, at: row, who, similarity: new Float32Array(who.length).fill(1), others: who.length < k ? 1 : Number.NEGATIVE_INFINITY };
}
