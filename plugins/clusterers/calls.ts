/** @file The programs of k-means, compiled once for each problem size, as functions of features that stay in the session host. */
import { elements, int64, tensor, type Executable, type Program, type SessionHost, type TensorValue, type Tensorial } from '../../engine/index.js';
import { moveProgram, nearestProgram, rowsProgram, seedProgram, someNearestProgram, surveyProgram, type Sizes } from './k-means-programs.js';

/** Elements of a matrix between centres and rows, and of the rows that are picked for it. */
const MOST = 1 << 23;

/** Picking a row costs as much as comparing it with so many centres. */
const PICK = 40;

/** What comparing some of n rows with centres costs, in comparisons: with all rows, unless picking some is cheaper. */
export const costOf = (some: number, n: number, centres: number): number => Math.min(some * (centres + PICK), n * centres);

/** What is known of the features before the first iteration. */
export interface Survey {
  /** f32[F] and its length. */
  readonly mean: TensorValue;
  readonly offset: number;
  /** |x - mean|^2 of each row, and their sum. */
  readonly norm: Float32Array;
  readonly total: number;
  /** Of a feature, on average. */
  readonly variance: number;
}

/** Of some rows: the nearest centre (the lower index if equal), and the squared distances to it and to the second nearest, less |x - mean|^2. */
export interface Nearest { readonly label: Int32Array; readonly best: Float32Array; readonly second: Float32Array }

export interface Calls {
  survey(feature: Tensorial): Promise<Survey>;
  rows(feature: Tensorial, index: Int32Array): Promise<TensorValue>;
  /** Of the rows in `some`, all unless given, among centres f32[C,F]. */
  nearest(feature: Tensorial, centres: TensorValue, mean: TensorValue, some?: Int32Array): Promise<Nearest>;
  /** Adds to `sums` [K,F] what they gain when rows change from one label (-1: none) to another. */
  move(feature: Tensorial, sums: Float64Array, k: number, row: Int32Array, from: Int32Array, to: Int32Array): Promise<void>;
  /** One step of k-means++, see `seedProgram`. */
  seed(feature: Tensorial, known: Survey, k: number, restarts: number, candidate: Int32Array, closest: TensorValue): Promise<{ readonly best: Int32Array; readonly left: TensorValue }>;
  close(): Promise<void>;
}

export const floats = (value: Tensorial | undefined): Float32Array => (value as TensorValue).data as Float32Array;
/** The first integers as they come from the host, all unless it is said how many; they are below 2^31. */
export function int32(value: Tensorial | undefined, count = elements(value!.dims)): Int32Array {
  const { buffer, byteOffset } = (value as TensorValue).data as BigInt64Array, words = new Int32Array(buffer, byteOffset, 2 * count), out = new Int32Array(count);
  for (let i = 0; i < count; i++) out[i] = words[2 * i]!;
  return out;
}

export function createCalls(host: SessionHost): Calls {
  const compiled = new Map<string, Promise<Executable>>();
  const call = async (kind: string, sizes: Sizes, build: () => Program, inputs: Readonly<Record<string, Tensorial>>, more: readonly number[] = []) => {
    const key = [kind, sizes.n, sizes.width, sizes.k, ...more].join(' '), known = compiled.get(key) ?? host.compile(build(), { idle: 'sleep' });
    compiled.set(key, known);
    return (await (await known).run({}, inputs)).outputs;
  };
  const sizesOf = ({ dims: [n = 0, width = 0] }: Tensorial, k: number): Sizes => ({ n, width, k });

  return {
    async survey(feature) {
      const sizes = sizesOf(feature, 0), { mean, norm } = await call('survey', sizes, () => surveyProgram(sizes), { feature });
      const total = floats(norm).reduce((a, b) => a + b);
      return { mean: mean as TensorValue, offset: Math.hypot(...floats(mean)), norm: floats(norm), total, variance: total / (sizes.n * sizes.width) };
    },

    async rows(feature, index) {
      const sizes = sizesOf(feature, 0);
      return (await call('rows', sizes, () => rowsProgram(sizes, index.length), { feature, index: int64(index) }, [index.length])).row as TensorValue;
    },

    async nearest(feature, centre, mean, some) {
      const sizes = sizesOf(feature, 0), { n, width } = sizes, k = centre.dims[0]!, each = Math.min(2, k), count = some?.length ?? n;
      const found = { label: new Int32Array(count), best: new Float32Array(count), second: new Float32Array(count).fill(Number.POSITIVE_INFINITY) };
      const take = ({ distance, label }: Readonly<Record<string, Tensorial>>, to: number, rows: number, which?: Int32Array) => {
        const labels = int32(label, rows), [best, second] = [floats(distance).subarray(0, rows), floats(distance).subarray(rows)];
        for (let at = 0; at < (which?.length ?? rows); at++) {
          const i = which ? which[at]! : at;
          found.label[to + at] = labels[i]!;
          found.best[to + at] = best[i]!;
          if (each > 1) found.second[to + at] = second[i]!;
        }
      };
      if (n * k <= MOST && (!some || costOf(count, n, k) === n * k)) {
        const all = await call('nearest', sizes, () => nearestProgram(sizes, each), { feature, mean, centre }, [each]);
        take(all, 0, n, some);
      } else {
        const most = Math.max(1, Math.floor(MOST / Math.max(k, width)));
        for (let from = 0; from < count; from += most) {
          const row = some ? some.subarray(from, from + most) : Int32Array.from({ length: Math.min(most, count - from) }, (_, i) => from + i);
          take(await call('some nearest', sizes, () => someNearestProgram(sizes, each), { feature, mean, centre, row: int64(row) }, [each]), from, row.length);
        }
      }
      return found;
    },

    async move(feature, sums, k, row, from, to) {
      const sizes = sizesOf(feature, k), most = Math.max(1, Math.floor(MOST / Math.max(k, sizes.width)));
      for (let at = 0; at < row.length; at += most) {
        const cut = (values: Int32Array) => int64(values.subarray(at, at + most));
        const { gain } = await call('move', sizes, () => moveProgram(sizes), { feature, row: cut(row), from: cut(from), to: cut(to) });
        const gained = floats(gain);
        for (let i = 0; i < gained.length; i++) sums[i]! += gained[i]!;
      }
    },

    async seed(feature, { mean, norm }, k, restarts, candidate, closest) {
      const sizes = sizesOf(feature, k), trials = candidate.length / restarts;
      const out = await call('seed', sizes, () => seedProgram(sizes, restarts, trials),
        { feature, mean, norm: tensor('f32', [sizes.n], norm), candidate: int64(candidate), closest }, [restarts, trials]);
      return { best: int32(out.best), left: out.left as TensorValue };
    },

    async close() {
      for (const pending of compiled.values()) await (await pending).release();
      compiled.clear();
    },
  };
}
