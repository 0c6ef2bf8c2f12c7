/** @file `knn` and `kmeans`: exact neighbours against faiss's flat indices, k-means against scikit-learn's. The same rows and the same number of threads on both sides. */
import { availableParallelism } from 'node:os';
import { keyedRandom } from '../engine/session/keyed-random.js';
import type { SessionHost } from '../engine/session/host.js';
import { createWorkerHost } from '../engine/session/worker-host.js';
import { tensor } from '../engine/spec/value.js';
import { unitVectors } from '../engine/training/unit-vectors.js';
import type { Features } from '../engine/training/values.js';
import { createKMeans } from '../plugins/clusterers/k-means.js';
import { searchExactly } from '../plugins/neighbours/exact-search.js';
import { SHARE } from '../plugins/neighbours/neighbours-node.js';
import type { Case } from './case.js';
import { fastest, interleave } from './interleave.js';
import { missing, startPeer } from './peer.js';
import { startStepper, type Stepper } from './stepper.js';
import { featuresOf, vectors, withFile } from './vectors.js';

const SIZE = 20_000, WIDTH = 512, CLUSTERS = 100, RESTARTS = 10;
/** Neighbours, and the node's own memory. */
export const K = 50, MEMORY = 2 ** 30;

/** A search as the node does it, checks and reading included. */
export const search = async (host: SessionHost, features: Features) => searchExactly(host, await unitVectors(features, MEMORY * SHARE.vectors, 'bench'), { k: K, memory: MEMORY * SHARE.search });

async function startSearch(data: Float32Array, threads: number): Promise<Stepper> {
  const host = await createWorkerHost({ device: 'cpu', threads }), features = featuresOf(data, WIDTH);
  return startStepper(threads, 1, () => search(host, features), { close: () => host.close() });
}

async function startKMeans(data: Float32Array, threads: number): Promise<Stepper> {
  const host = await createWorkerHost({ device: 'cpu', threads }), kMeans = createKMeans(host), feature = tensor('f32', [SIZE, WIDTH], data);
  let seed = 0, score: number | undefined;
  const step = async () => {
    seed++;
    ({ inertia: score } = await kMeans.fit(feature, { k: CLUSTERS, restarts: RESTARTS, iterations: 300, tolerance: 1e-4 }, { random: (name) => keyedRandom(seed, 'bench', 0, name) }));
  };
  return startStepper(threads, 0, step, {
    score: () => score,
    async close() {
      await kMeans.close();
      await host.close();
    },
  });
}

/** The fastest of some variants of a peer, in each Python that has it, against ours. */
const against = (about: string, peer: string, module: string, variants: readonly (readonly string[])[], start: (data: Float32Array, threads: number) => Promise<Stepper>): Case => ({
  about,
  async run({ python, rounds }) {
    const pythons = python.split(','), able = pythons.filter((name) => !missing(name, module));
    if (!able.length) return `skipped: ${missing(pythons[0]!, module)}`;
    const threads = availableParallelism(), data = vectors(SIZE, WIDTH);
    return withFile(data, async (file) => {
      const b = await fastest(able.flatMap((name) => variants.map((more) => () => startPeer(name, peer, threads, false, ['--data', file, '--width', String(WIDTH), ...more]))), 1), a = await start(data, threads);
      try {
        const found = await interleave(a, b, 1, rounds), scores = a.score ? `, inertia ${a.score()!.toFixed(1)} against ${b.score!()!.toFixed(1)}` : '';
        return { case: about, ...found, unit: 'ms', says: `${a.name}; ${b.name}${scores}` };
      } finally {
        await a.close();
        await b.close();
      }
    });
  },
});

export const knn = against('knn', 'knn', 'faiss', [['--k', String(K), '--index', 'l2'], ['--k', String(K), '--index', 'ip']], startSearch);
export const kmeans = against('kmeans', 'kmeans', 'sklearn', [['--k', String(CLUSTERS), '--restarts', String(RESTARTS)]], startKMeans);
