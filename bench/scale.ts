/** @file `scale`: what neighbours of ImageNet's size would take, 1.2 million vectors of 2048, from two sizes that can be waited for. Rows lie in a file, as in the store of features. */
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { tensor } from '../engine/spec/value.js';
import { createWorkerHost } from '../engine/session/worker-host.js';
import { unitVectors, type UnitVectors } from '../engine/training/unit-vectors.js';
import type { Features } from '../engine/training/values.js';
import { searchExactly } from '../plugins/neighbours/exact-search.js';
import { AT_ONCE, buildIndex } from '../plugins/neighbours/hnsw-index.js';
import type { Case } from './case.js';
import { featuresOf, vectors, withFile } from './vectors.js';

const WIDTH = 2048, K = 50, SIZES = [10_000, 20_000] as const, WANTED = 1.2e6, MEMORY = 2 ** 30;
const M = 16, EF = 200;

/** The rows of a file, read when they are asked for. */
async function withRows<T>(size: number, body: (rows: Features) => Promise<T>): Promise<T> {
  return withFile(vectors(size, WIDTH), async (name) => {
    const file = await open(name), like = featuresOf(new Float32Array(0), WIDTH);
    try {
      return await body({
        ...like, size,
        async read(indices) {
          const rows = new Float32Array(indices.length * WIDTH);
          for (const [to, from] of indices.entries()) await file.read(new Uint8Array(rows.buffer, to * WIDTH * 4, WIDTH * 4), 0, WIDTH * 4, from * WIDTH * 4);
          return tensor('f32', [indices.length, WIDTH], rows);
        },
      });
    } finally { await file.close(); }
  });
}

async function exactly(rows: UnitVectors): Promise<void> {
  const host = await createWorkerHost({ device: 'cpu' });
  try { await searchExactly(host, rows, { k: K, memory: MEMORY / 2 }); } finally { await host.close(); }
}

async function byIndex(rows: UnitVectors): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), 'gantry-scale-'));
  try {
    const index = await buildIndex(rows, { m: M, efConstruction: EF, folder, where: 'bench', signal: new AbortController().signal, progress: () => {} });
    for (let from = 0; from < rows.size; from += AT_ONCE) {
      const some = Int32Array.from({ length: Math.min(AT_ONCE, rows.size - from) }, (_, i) => from + i);
      await index.search(await rows.read(some), K + 1, EF);
    }
    await index.close();
  } finally { await rm(folder, { recursive: true, force: true }); }
}

/** As with the node's own memory: these sizes fit it, ImageNet's rows would be read from the file, or want 10 GB. Seconds of a search, and how much of memory the process has held at most so far. */
async function measured(size: number, search: (rows: UnitVectors) => Promise<void>): Promise<{ readonly seconds: number; readonly peak: number }> {
  return withRows(size, async (rows) => {
    const start = performance.now();
    await search(await unitVectors(rows, MEMORY / 4, 'bench'));
    return { seconds: (performance.now() - start) / 1000, peak: process.resourceUsage().maxRSS / 2 ** 20 };
  });
}

const hours = (seconds: number) => `${(seconds / 3600).toFixed(1)} h`;

const growing = (about: string, search: (rows: UnitVectors) => Promise<void>, growth?: number): Case => ({
  about,
  async run() {
    const [small, large] = [await measured(SIZES[0], search), await measured(SIZES[1], search)];
    const power = Math.log(large.seconds / small.seconds) / Math.log(SIZES[1] / SIZES[0]);
    return `${SIZES.map((size, i) => `${size} x ${WIDTH} in ${[small, large][i]!.seconds.toFixed(1)} s (peak ${[small, large][i]!.peak.toFixed(2)} GiB)`).join(', ')}; `
      + `time grows with the power ${power.toFixed(2)} of the size; 1.2 million would take ${hours(large.seconds * (WANTED / SIZES[1]) ** (growth ?? power))}`;
  },
});

/** All pairs grow with the square, whatever two sizes show. */
export const scale = growing('scale', exactly, 2);
export const scaleHnsw = growing('scale-hnsw', byIndex);
