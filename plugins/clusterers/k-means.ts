/** @file k-means (Lloyd 1982) with k-means++ seeding (Arthur and Vassilvitskii 2007), on features that stay in the session host. */
import { int64, isResident, tensor, type Executable, type Program, type Random, type SessionHost, type TensorValue, type Tensorial } from '../../engine/index.js';
import { assignProgram, lloydProgram, meansProgram, rowsProgram, seedProgram, surveyProgram, type Sizes } from './k-means-programs.js';

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

/** What is known of the features before the first iteration. */
interface Survey { readonly mean: TensorValue; readonly norm: TensorValue; readonly total: number; readonly variance: number }

const floats = (value: Tensorial | undefined) => (value as TensorValue).data as Float32Array;
const scalar = (value: Tensorial | undefined) => floats(value)[0]!;
/** Integers as they come from the host, below 2^31. */
export function int32(value: Tensorial | undefined): Int32Array {
  const { buffer, byteOffset, length } = (value as TensorValue).data as BigInt64Array;
  const words = new Int32Array(buffer, byteOffset, 2 * length);
  return Int32Array.from({ length }, (_, i) => words[2 * i]!);
}
const same = (a: Int32Array, b: Int32Array) => a.every((value, i) => value === b[i]);

/** k-means in a session host. Programs are compiled once for each problem size. Features may be resident: they are never copied here. */
export function createKMeans(host: SessionHost): KMeans {
  const compiled = new Map<string, Promise<Executable>>();
  const executable = (sizes: readonly number[], build: () => Program, kind: string): Promise<Executable> => {
    const key = [kind, ...sizes].join(' ');
    const known = compiled.get(key) ?? host.compile(build());
    compiled.set(key, known);
    return known;
  };
  const call = async (kind: string, sizes: Sizes, build: () => Program, inputs: Readonly<Record<string, Tensorial>>, more: readonly number[] = []) =>
    (await (await executable([sizes.n, sizes.width, sizes.k, ...more], build, kind)).run({}, inputs)).outputs;

  const sizesOf = ({ dims: [n = 0, width = 0] }: Tensorial, k: number): Sizes => ({ n, width, k });

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

  async function survey(feature: Tensorial): Promise<Survey> {
    const sizes = sizesOf(feature, 0);
    const { mean, norm, total } = await call('survey', sizes, () => surveyProgram(sizes), { feature });
    return { mean: mean as TensorValue, norm: norm as TensorValue, total: scalar(total), variance: scalar(total) / (sizes.n * sizes.width) };
  }

  async function rows(feature: Tensorial, index: Int32Array): Promise<TensorValue> {
    const sizes = sizesOf(feature, 0);
    return (await call('rows', sizes, () => rowsProgram(sizes, index.length), { feature, index: int64(index) }, [index.length])).row as TensorValue;
  }

  /** Centres whose label has no rows give way to random rows. */
  async function feed(feature: Tensorial, centres: TensorValue, counts: Float32Array, random: Random): Promise<TensorValue> {
    const starved = Array.from(counts.keys()).filter((c) => counts[c] === 0);
    if (starved.length === 0) return centres;
    const [n = 0, width = 0] = feature.dims;
    const replacement = floats(await rows(feature, random.integers(starved.length, n)));
    const data = floats(centres).slice();
    for (const [i, c] of starved.entries()) data.set(replacement.subarray(i * width, (i + 1) * width), c * width);
    return tensor('f32', centres.dims, data);
  }

  async function lloyd(feature: Tensorial, start: TensorValue, known: Survey, { k, iterations, tolerance }: LloydOptions, run: Run, name: string): Promise<Clustering> {
    const sizes = sizesOf(feature, k);
    let centres = start, labels: Int32Array = new Int32Array(0);
    for (let iteration = 1; ; iteration++) {
      run.signal?.throwIfAborted();
      const out = await call('lloyd', sizes, () => lloydProgram(sizes), { feature, mean: known.mean, centre: centres });
      const before = labels;
      labels = int32(out.label);
      // Labels that repeat have the centres they had.
      if (same(labels, before)) return { centres, labels, inertia: known.total + scalar(out.nearest), iterations: iteration };
      centres = out.next as TensorValue;
      const fed = await feed(feature, centres, floats(out.count), run.random(`${name} starved ${iteration}`));
      const settled = fed === centres && scalar(out.shift) <= tolerance * known.variance;
      centres = fed;
      if (settled || iteration === iterations) {
        const last = await call('assign', sizes, () => assignProgram(sizes), { feature, mean: known.mean, centre: centres });
        return { centres, labels: int32(last.label), inertia: known.total + scalar(last.nearest), iterations: iteration };
      }
    }
  }

  /** Greedy k-means++: each next centre is the best of 2 + ln k rows drawn in proportion to their squared distance. All restarts step together. */
  async function seed(feature: Tensorial, known: Survey, k: number, restarts: number, run: Run): Promise<TensorValue[]> {
    const sizes = sizesOf(feature, k), { n, width } = sizes;
    const trials = 2 + Math.floor(Math.log(k));
    const chosen = Array.from({ length: restarts }, () => new Int32Array(k));
    let closest: TensorValue = tensor('f32', [restarts, n], new Float32Array(n * restarts).fill(3e38));
    for (let c = 0; c < k; c++) {
      run.signal?.throwIfAborted();
      const random = run.random(`seed ${c}`);
      const candidate = c === 0 ? random.integers(restarts * trials, n) : drawProportional(floats(closest), restarts, random.uniform(restarts * trials), trials);
      // The first centre is one uniform draw.
      if (c === 0) candidate.forEach((_, i) => { candidate[i] = candidate[i - (i % trials)]!; });
      const out = await call('seed', sizes, () => seedProgram(sizes, restarts, trials),
        { feature, mean: known.mean, norm: known.norm, candidate: int64(candidate), closest }, [restarts, trials]);
      closest = out.left as TensorValue;
      int32(out.best).forEach((best, r) => { chosen[r]![c] = candidate[r * trials + best]!; });
    }
    const starts: TensorValue[] = [];
    for (const index of chosen) starts.push(tensor('f32', [k, width], floats(await rows(feature, index))));
    return starts;
  }

  async function assign(feature: Tensorial, centres: TensorValue): Promise<Int32Array> {
    const sizes = sizesOf(feature, centres.dims[0]!);
    // Any point near the centres serves as the origin of the distances; a centre is at hand.
    const origin = tensor('f32', [sizes.width], floats(centres).slice(0, sizes.width));
    return int32((await call('assign', sizes, () => assignProgram(sizes), { feature, mean: origin, centre: centres })).label);
  }

  return {
    fit: (given, options, run) => within(given, async (feature) => {
      checkCount(feature, options.k);
      const known = await survey(feature);
      let best: Clustering | undefined;
      const starts = await seed(feature, known, options.k, options.restarts, run);
      for (const [restart, start] of starts.entries()) {
        run.progress?.(restart, options.restarts);
        const found = await lloyd(feature, start, known, options, run, `restart ${restart}`);
        if (!best || found.inertia < best.inertia) best = found;
      }
      run.progress?.(options.restarts, options.restarts);
      return best!;
    }),
    refine: (given, centres, options, run) => within(given, async (feature) => {
      checkCount(feature, options.k);
      return lloyd(feature, centres, await survey(feature), options, run, 'refine');
    }),
    means: (given, labels, k, run) => within(given, async (feature) => {
      const sizes = sizesOf(feature, k);
      const { centre, count } = await call('means', sizes, () => meansProgram(sizes), { feature, label: int64(labels) });
      return feed(feature, centre as TensorValue, floats(count), run.random('means starved'));
    }),
    assign,
    async close() {
      for (const pending of compiled.values()) await (await pending).release();
      compiled.clear();
    },
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
