/** @file `scale`, `scale-hnsw`: what neighbours of ImageNet's size would take, 1.2 million vectors of 2048, from two sizes that can be waited for. Rows lie in a file, as in the store of features. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createWorkerHost } from '../engine/session/worker-host.js';
import { unitVectors } from '../engine/training/unit-vectors.js';
import type { Dataset, Features } from '../engine/training/values.js';
import { vectors as stored } from '../plugins/extractors/vectors.js';
import { searchAll } from '../plugins/neighbours/hnsw.js';
import { buildIndex } from '../plugins/neighbours/hnsw-index.js';
import { SHARE } from '../plugins/neighbours/neighbours-node.js';
import type { Case } from './case.js';
import { K, MEMORY, search } from './searches.js';
import { vectors, withFile } from './vectors.js';

const WIDTH = 2048, SIZES = [10_000, 20_000] as const, WANTED = 1.2e6;
const M = 16, EF = 200;

/** Seconds of a search, and how much of memory the process has held at most so far. */
async function measured(rows: number, seek: (features: Features) => Promise<unknown>): Promise<{ readonly seconds: number; readonly peak: number }> {
  return withFile(vectors(rows, WIDTH), async (file) => {
    const dataset = { labels: new Int32Array(rows), classes: 1 } as unknown as Dataset;
    const features = stored([{ path: file, rows, width: WIDTH, key: 'bench' }], { dataset, normalised: true, memory: 0 }), start = performance.now();
    await seek(features);
    return { seconds: (performance.now() - start) / 1000, peak: process.resourceUsage().maxRSS / 2 ** 20 };
  });
}

async function exactly(features: Features): Promise<void> {
  const host = await createWorkerHost({ device: 'cpu' });
  try { await search(host, features); } finally { await host.close(); }
}

async function byIndex(features: Features): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), 'gantry-scale-')), quiet = { signal: new AbortController().signal, progress: () => {} };
  try {
    const rows = await unitVectors(features, MEMORY * SHARE.vectors, 'bench'), index = await buildIndex(rows, { m: M, efConstruction: EF, folder, where: 'bench', ...quiet });
    try { await searchAll(index, { vectors: rows, k: K, ef: EF, file: path.join(folder, 'candidates'), ...quiet }); } finally { await index.close(); }
  } finally { await rm(folder, { recursive: true, force: true }); }
}

const hours = (seconds: number) => `${(seconds / 3600).toFixed(1)} h`;

/** `growth`: the power of the size by which time grows, where that is known; else as measured. */
const growing = (about: string, seek: (features: Features) => Promise<unknown>, growth?: number): Case => ({
  about,
  async run() {
    const [small, large] = [await measured(SIZES[0], seek), await measured(SIZES[1], seek)];
    const power = Math.log(large.seconds / small.seconds) / Math.log(SIZES[1] / SIZES[0]);
    return `${SIZES.map((size, i) => `${size} x ${WIDTH} in ${[small, large][i]!.seconds.toFixed(1)} s (peak ${[small, large][i]!.peak.toFixed(2)} GiB)`).join(', ')}; `
      + `time grows with the power ${power.toFixed(2)} of the size; 1.2 million would take ${hours(large.seconds * (WANTED / SIZES[1]) ** (growth ?? power))}`;
  },
});

/** All pairs grow with the square, whatever two sizes show. */
export const scale = growing('scale', exactly, 2);
export const scaleHnsw = growing('scale-hnsw', byIndex);
