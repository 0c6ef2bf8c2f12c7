/** @file The last word on who is near: squared distances by differences in float64, ties by index, and a proof that nobody was missed. */
import { inSlices, turns, type UnitVectors } from '../../engine/index.js';

/** The k nearest of every vector, as they are found: indices and Euclidean distances, [M,k]. */
export interface Lists { readonly k: number; readonly index: Int32Array; readonly distance: Float32Array }

export const emptyLists = (size: number, k: number): Lists => ({ k, index: new Int32Array(size * k), distance: new Float32Array(size * k) });

/** More candidates than neighbours: float32, or a search, may put a few in the wrong order. */
export const SPARE = 8;

/**
 * How far off a float32 product of unit vectors may be: rounding errors of `width` sums add up like a random walk, here with ten times its deviation,
 * and lengths are 1 up to 1e-6.
 */
const uncertainty = (width: number): number => 2 ** -24 * 3 * Math.sqrt(width) + 1e-6;

/** |x_i - y_j|^2, the same to the last bit whichever comes first. */
export function squaredDistance(x: Float32Array, i: number, y: Float32Array, j: number, width: number): number {
  let sum = 0;
  for (let p = i * width, q = j * width, end = p + width; p < end; p++, q++) { const u = x[p]! - y[q]!; sum += u * u; }
  return sum;
}

/** The same of four rows of the same array, to the last bit: nearly twice as fast, because their reads go side by side. */
function fourDistances(x: Float32Array, i: number, j: readonly [number, number, number, number], width: number, out: Float64Array): void {
  let a = 0, b = 0, c = 0, d = 0;
  const start = i * width, end = start + width, toA = j[0] * width - start, toB = j[1] * width - start, toC = j[2] * width - start, toD = j[3] * width - start;
  for (let p = start; p < end; p++) {
    const v = x[p]!, s = v - x[p + toA]!, t = v - x[p + toB]!, u = v - x[p + toC]!, w = v - x[p + toD]!;
    a += s * s; b += t * t; c += u * u; d += w * w;
  }
  out[0] = a; out[1] = b; out[2] = c; out[3] = d;
}

/** Keeps (distance, index) pairs in ascending order; the last falls off. */
class Ranking {
  readonly square: Float64Array;
  readonly who: Int32Array;
  count = 0;

  constructor(readonly k: number) {
    this.square = new Float64Array(k);
    this.who = new Int32Array(k);
  }
  /** The k-th distance, once there is one. */
  get last(): number { return this.count === this.k ? this.square[this.k - 1]! : Number.POSITIVE_INFINITY; }

  add(square: number, who: number): void {
    const { k } = this;
    let at = this.count;
    const after = (n: number) => square < this.square[n]! || (square === this.square[n]! && who < this.who[n]!);
    if (at === k) { if (!after(k - 1)) return; at--; } else this.count++;
    for (; at > 0 && after(at - 1); at--) {
      this.square[at] = this.square[at - 1]!;
      this.who[at] = this.who[at - 1]!;
    }
    this.square[at] = square;
    this.who[at] = who;
  }
}

/** A row to settle: its index, its place in the lists, whom it may be near to (the most similar first), how similar they are by float32, and the similarity that nobody else exceeds. */
export interface Unsettled { readonly row: number; readonly at: number; readonly who: Int32Array; readonly similarity: Float32Array; readonly others: number }

/** Writes the k nearest among the candidates of some rows, or of everybody where somebody else might be nearer. Gives how many rows needed that. */
export async function settle(vectors: UnitVectors, rows: Iterable<Unsettled>, lists: Lists, signal?: AbortSignal): Promise<number> {
  const { width, whole } = vectors, { k } = lists, turn = turns(signal), doubt = uncertainty(width), ranking = new Ranking(k), four = new Float64Array(4);
  let doubtful = 0;
  for (const { row, at, who, similarity, others } of rows) {
    const data = whole ?? await vectors.read(Int32Array.from([row, ...who])), own = whole ? row : 0;
    ranking.count = 0;
    const place = (n: number) => (whole ? who[Math.min(n, who.length - 1)]! : Math.min(n + 1, who.length));
    for (let n = 0; n < who.length; n += 4) {
      if (ranking.last < 2 - 2 * (similarity[n]! + doubt)) break; // nor can the rest be nearer
      fourDistances(data, own, [place(n), place(n + 1), place(n + 2), place(n + 3)], width, four);
      for (let m = n; m < n + 4 && m < who.length; m++) ranking.add(four[m - n]!, who[m]!);
    }
    const sure = ranking.last < 2 - 2 * (others + doubt);
    write(lists, at, sure ? ranking : await amongAll(vectors, row, ranking, turn));
    if (!sure) doubtful++;
    await turn();
  }
  return doubtful;
}

function write({ k, index, distance }: Lists, at: number, { square, who }: Ranking): void {
  index.set(who, at * k);
  for (let n = 0; n < k; n++) distance[at * k + n] = Math.sqrt(square[n]!);
}

/** The k nearest among all, by looking at all: sums are given up when they exceed the k-th known. */
async function amongAll(vectors: UnitVectors, row: number, { last, k }: Ranking, turn: () => Promise<void> | undefined): Promise<Ranking> {
  const { width } = vectors, x = vectors.whole?.subarray(row * width, (row + 1) * width) ?? await vectors.read(Int32Array.of(row)), found = new Ranking(k);
  for await (const { from, data } of inSlices(vectors)) {
    for (let n = 0; n < data.length / width; n++) {
      const j = from + n;
      // In the order of indices, who is as far as the k-th comes after it.
      const full = found.count === k, limit = Math.min(last, found.last);
      if (full && limit === 0) return found;
      if (j === row) continue;
      const square = within(x, data, n, width, limit);
      if (full ? square < limit : square <= limit) found.add(square, j);
    }
    await turn();
  }
  return found;
}

/** Dimensions between two looks at the limit. */
const STRIDE = 64;
/** The squared distance, or something above the limit. */
function within(x: Float32Array, data: Float32Array, n: number, width: number, limit: number): number {
  // Most are far: a first part of the sum tells, without rounding as the whole does.
  for (let at = 0, sum = 0; at < width; ) {
    for (const end = Math.min(width, at + STRIDE); at < end; at++) { const u = x[at]! - data[n * width + at]!; sum += u * u; }
    if (sum > limit * (1 + 1e-9)) return Number.POSITIVE_INFINITY;
  }
  return squaredDistance(x, 0, data, n, width);
}
