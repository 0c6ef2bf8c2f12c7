/** @file k-means (Lloyd 1982) with k-means++ seeding (Arthur and Vassilvitskii 2007), on features that stay in the session host. */
import { isResident, tensor, type Random, type SessionHost, type TensorValue, type Tensorial } from '../../engine/index.js';
import { createCalls, floats, type Survey } from './calls.js';
import { feed, lloyd, meansOf } from './lloyd.js';

export interface LloydOptions {
  readonly k: number;
  /** At most so many iterations; labels are recomputed once after the last. */
  readonly iterations: number;
  /** Stop when the centres' summed squared shift is at most this times the mean variance of a feature. */
  readonly tolerance: number;
}
export interface SeedOptions { readonly restarts: number }

export interface Clustering {
  /** f32[K,F]. */
  readonly centres: TensorValue;
  /** The class of each row, below K. */
  readonly labels: Int32Array;
  /** Summed squared distance of the rows to their centres. */
  readonly inertia: number;
  readonly iterations: number;
}

export interface KMeans {
  /** k-means++ with restarts; the clustering of lowest inertia. */
  fit(feature: Tensorial, options: LloydOptions & SeedOptions, run: Run): Promise<Clustering>;
  /** Lloyd from given centres f32[K,F]. */
  refine(feature: Tensorial, centres: TensorValue, options: LloydOptions, run: Run): Promise<Clustering>;
  /** The mean of each label's rows; a random row for a label that has none. */
  means(feature: Tensorial, labels: Int32Array, k: number, run: Run): Promise<TensorValue>;
  /** The nearest centre of each row. */
  assign(feature: Tensorial, centres: TensorValue): Promise<Int32Array>;
  close(): Promise<void>;
}

/** What a run of k-means needs of its moment. Each draw has a name of its own. */
export interface Run {
  readonly random: (name: string) => Random;
  readonly signal?: AbortSignal;
  readonly progress?: (done: number, total: number) => void;
}

/** k-means in a session host. Programs are compiled once for each problem size. Features may be resident: they are never copied here. */
export function createKMeans(host: SessionHost): KMeans {
  const calls = createCalls(host);

  /** Copies features into the host, unless they are there, for the time of `body`. */
  async function within<T>(feature: Tensorial, body: (feature: Tensorial) => Promise<T>): Promise<T> {
    if (isResident(feature)) return body(feature);
    const resident = await host.put(feature);
    try {
      return await body(resident);
    } finally {
      host.release([resident]);
    }
  }

  /** Greedy k-means++: each next centre is the best of 2 + ln k rows drawn in proportion to their squared distance. All restarts step together. */
  async function seed(feature: Tensorial, known: Survey, k: number, restarts: number, run: Run): Promise<TensorValue[]> {
    const [n = 0, width = 0] = feature.dims;
    const trials = 2 + Math.floor(Math.log(k));
    const chosen = Array.from({ length: restarts }, () => new Int32Array(k));
    let closest: TensorValue = tensor('f32', [restarts, n], new Float32Array(n * restarts).fill(3e38));
    for (let c = 0; c < k; c++) {
      run.signal?.throwIfAborted();
      const random = run.random(`seed ${c}`);
      const candidate = c === 0 ? random.integers(restarts * trials, n) : drawProportional(floats(closest), restarts, random.uniform(restarts * trials), trials);
      // The first centre is one uniform draw.
      if (c === 0) candidate.forEach((_, i) => { candidate[i] = candidate[i - (i % trials)]!; });
      const { best, left } = await calls.seed(feature, known, k, restarts, candidate, closest);
      closest = left;
      best.forEach((trial, r) => { chosen[r]![c] = candidate[r * trials + trial]!; });
    }
    const starts: TensorValue[] = [];
    for (const index of chosen) starts.push(tensor('f32', [k, width], floats(await calls.rows(feature, index))));
    return starts;
  }

  /** Runs all restarts, two at a time: while the labels of one are compared here, the host works on the other. */
  async function all(feature: Tensorial, starts: readonly TensorValue[], known: Survey, options: LloydOptions, run: Run): Promise<Clustering[]> {
    const found: Clustering[] = [];
    let next = 0, done = 0;
    const lane = async () => {
      while (next < starts.length) {
        const restart = next++;
        found[restart] = await lloyd(calls, feature, starts[restart]!, known, options, run, `restart ${restart}`);
        run.progress?.(++done, starts.length);
      }
    };
    const ended = await Promise.allSettled([lane(), lane()]);
    for (const end of ended) if (end.status === 'rejected') throw end.reason;
    return found;
  }

  return {
    fit: (given, options, run) => within(given, async (feature) => {
      checkCount(feature, options.k);
      const known = await calls.survey(feature), starts = await seed(feature, known, options.k, options.restarts, run);
      run.progress?.(0, options.restarts);
      return (await all(feature, starts, known, options, run)).reduce((best, found) => (found.inertia < best.inertia ? found : best));
    }),
    refine: (given, centres, options, run) => within(given, async (feature) => {
      checkCount(feature, options.k);
      return lloyd(calls, feature, centres, await calls.survey(feature), options, run, 'refine');
    }),
    means: (given, labels, k, run) => within(given, async (feature) => {
      const { means, counts } = await meansOf(calls, feature, labels, k);
      return feed(calls, feature, means, counts, run, 'means starved');
    }),
    async assign(feature, centres) {
      // Any point near the centres serves as the origin of the distances; a centre is at hand.
      return (await calls.nearest(feature, centres, tensor('f32', [centres.dims[1]!], floats(centres).slice(0, centres.dims[1])))).label;
    },
    close: calls.close,
  };
}

function checkCount({ dims: [n = 0] }: Tensorial, k: number): void {
  if (n < k) throw new RangeError(`${n} points make no ${k} clusters: the sample must be at least as large as k`);
}

/** For each row of `weight` [rows,N], `trials` places drawn in proportion to it; `uniform` has one number a draw. */
function drawProportional(weight: Float32Array, rows: number, uniform: Float32Array, trials: number): Int32Array {
  const n = weight.length / rows, upTo = new Float64Array(n), drawn = new Int32Array(rows * trials);
  for (let row = 0; row < rows; row++) {
    let total = 0;
    for (let i = 0; i < n; i++) {
      total += weight[row * n + i]!;
      upTo[i] = total;
    }
    for (let draw = row * trials; draw < (row + 1) * trials; draw++) drawn[draw] = total > 0 ? firstAbove(upTo, uniform[draw]! * total) : Math.floor(uniform[draw]! * n);
  }
  return drawn;
}

/** The first index whose value exceeds `threshold`, in ascending values. */
function firstAbove(ascending: Float64Array, threshold: number): number {
  let low = 0, high = ascending.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ascending[middle]! > threshold) high = middle;
    else low = middle + 1;
  }
  return low;
}
