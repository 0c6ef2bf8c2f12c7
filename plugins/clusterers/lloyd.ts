/**
 * @file Lloyd's iterations (1982) without comparisons whose outcome is known (Hamerly 2010): a row's distance to its centre grows by at most what that centre moved, those to
 * the others shrink by at most what they moved, and while the former stays below the latter the row keeps its label. When only some centres moved, a look at those may tell, too.
 * Sums follow the rows that change.
 */
import { rowsAt, tensor, type TensorValue, type Tensorial } from '../../engine/index.js';
import { costOf, floats, type Calls, type Survey } from './calls.js';
import type { Clustering, LloydOptions, Run } from './k-means.js';

/** How far off float32 may be in a squared distance, as a share of the products in it. */
const ROUNDING = 4e-6;
/** A look at the centres that moved is worth it below this share of the cost of comparing with all. */
const WORTH = 0.6;

/** Centres whose label has no rows give way to random rows. */
export async function feed(calls: Calls, feature: Tensorial, centres: TensorValue, counts: Int32Array, run: Run, name: string): Promise<TensorValue> {
  const starved = Array.from(counts.keys()).filter((c) => counts[c] === 0);
  if (starved.length === 0) return centres;
  const [n = 0, width = 0] = feature.dims;
  const replacement = floats(await calls.rows(feature, run.random(name).integers(starved.length, n)));
  const data = floats(centres).slice();
  for (const [i, c] of starved.entries()) data.set(replacement.subarray(i * width, (i + 1) * width), c * width);
  return tensor('f32', centres.dims, data);
}

/** Sums and counts of the rows of each label; -1 is none. */
class Tally {
  readonly counts: Int32Array;
  private readonly sums: Float64Array;

  constructor(private readonly calls: Calls, private readonly feature: Tensorial, private readonly k: number) {
    this.counts = new Int32Array(k);
    this.sums = new Float64Array(k * feature.dims[1]!);
  }
  async move(row: Int32Array, from: Int32Array, to: Int32Array): Promise<void> {
    for (let n = 0; n < row.length; n++) {
      if (from[n]! >= 0) this.counts[from[n]!]!--;
      this.counts[to[n]!]!++;
    }
    await this.calls.move(this.feature, this.sums, this.k, row, from, to);
  }
  /** The mean of each label's rows; `otherwise` where a label has none. */
  means(otherwise: Float32Array): TensorValue {
    const width = this.feature.dims[1]!, out = new Float32Array(this.k * width);
    for (let c = 0, at = 0; c < this.k; c++) {
      const count = this.counts[c]!;
      for (const end = at + width; at < end; at++) out[at] = count ? this.sums[at]! / count : otherwise[at]!;
    }
    return tensor('f32', [this.k, width], out);
  }
}

/** The mean of the rows of each label, and how many there are; zeros where there are none. */
export async function meansOf(calls: Calls, feature: Tensorial, labels: Int32Array, k: number): Promise<{ readonly means: TensorValue; readonly counts: Int32Array }> {
  const tally = new Tally(calls, feature, k), [n = 0, width = 0] = feature.dims;
  await tally.move(upTo(n), new Int32Array(n).fill(-1), labels);
  return { means: tally.means(new Float32Array(k * width)), counts: tally.counts };
}

/** What is certain of each row: how far its centre is at most, and the others at least. */
class Bounds {
  private readonly upper: Float64Array;
  private readonly lower: Float64Array;
  /** Of the others that did not move in the last move, at least. */
  private readonly still: Float64Array;
  constructor(n: number) {
    this.upper = new Float64Array(n).fill(Number.POSITIVE_INFINITY);
    this.lower = new Float64Array(n);
    this.still = new Float64Array(n);
  }
  /** Squared distances to the own centre and to the next, and how far off they may be. */
  set(row: number, best: number, second: number, error: number): void {
    this.upper[row] = Math.sqrt(Math.max(0, best) + error);
    this.lower[row] = Math.sqrt(Math.max(0, second - error));
  }
  /** Follows centres that moved so far. */
  move(labels: Int32Array, shift: Float64Array): void {
    let first = 0, second = 0, farthest = -1;
    shift.forEach((by, c) => { if (by > first) [second, first, farthest] = [first, by, c]; else if (by > second) second = by; });
    this.still.set(this.lower);
    for (let i = 0; i < labels.length; i++) {
      this.upper[i]! += shift[labels[i]!]!;
      this.lower[i]! -= labels[i] === farthest ? second : first;
    }
  }
  /** Takes in the squared distances to the nearest and the next of the centres that moved, of which the row's own may be the nearest. */
  look(row: number, own: boolean, best: number, second: number, error: number): void {
    if (own) this.upper[row] = Math.sqrt(Math.max(0, best) + error);
    this.lower[row] = Math.max(this.lower[row]!, Math.min(this.still[row]!, Math.sqrt(Math.max(0, (own ? second : best) - error))));
  }
  /** The rows whose label may change. */
  doubtful(among: Int32Array): Int32Array {
    return among.filter((i) => !(this.upper[i]! < this.lower[i]!));
  }
}

/** How far each centre is from where it was. */
function shifts(before: TensorValue, after: TensorValue): Float64Array {
  const [k = 0, width = 0] = before.dims, a = floats(before), b = floats(after), out = new Float64Array(k);
  for (let c = 0, at = 0; c < k; c++) {
    let square = 0;
    for (const end = at + width; at < end; at++) square += (a[at]! - b[at]!) ** 2;
    out[c] = Math.sqrt(square);
  }
  return out;
}
const squares = (values: Float64Array) => values.reduce((sum, value) => sum + value * value, 0);

/** From given centres until labels repeat, the centres hardly move, or it was enough. */
export async function lloyd(calls: Calls, feature: Tensorial, start: TensorValue, known: Survey, { k, iterations, tolerance }: LloydOptions, run: Run, name: string): Promise<Clustering> {
  const [n = 0, width = 0] = feature.dims, { mean, norm, total, variance, offset } = known, every = upTo(n);
  const labels = new Int32Array(n).fill(-1), bounds = new Bounds(n), tally = new Tally(calls, feature, k), middle = tensor('f32', [k, width], repeated(floats(mean), k));
  let centres = start, moved: Float64Array = new Float64Array(k);
  for (let iteration = 1; ; iteration++) {
    run.signal?.throwIfAborted();
    const reach = shifts(middle, centres).reduce((a, b) => Math.max(a, b), 0), error = (i: number) => ROUNDING * (offset + Math.sqrt(norm[i]!) + reach) * reach;
    let doubtful = bounds.doubtful(every);
    const roving = Int32Array.from(moved.keys()).filter((c) => moved[c]! > 0);
    if (roving.length > 1 && costOf(doubtful.length, n, roving.length) < WORTH * costOf(doubtful.length, n, k)) {
      const found = await calls.nearest(feature, rowsAt(centres, roving), mean, doubtful);
      doubtful.forEach((i, at) => { bounds.look(i, roving[found.label[at]!] === labels[i], found.best[at]! + norm[i]!, found.second[at]! + norm[i]!, error(i)); });
      doubtful = bounds.doubtful(doubtful);
    }
    const some = doubtful.length === n ? undefined : doubtful, found = await calls.nearest(feature, centres, mean, some);
    const row = new Int32Array(found.label.length), from = new Int32Array(row.length), to = new Int32Array(row.length);
    let changed = 0;
    for (let at = 0; at < found.label.length; at++) {
      const i = some ? some[at]! : at, label = found.label[at]!;
      bounds.set(i, found.best[at]! + norm[i]!, found.second[at]! + norm[i]!, error(i));
      if (labels[i] === label) continue;
      row[changed] = i;
      from[changed] = labels[i]!;
      to[changed++] = label;
      labels[i] = label;
    }
    // Labels that repeat have the centres they had: the means of their rows, around which the squares are what the means leave of the total.
    if (changed === 0) {
      const spread = shifts(middle, centres).reduce((sum, by, c) => sum + tally.counts[c]! * by * by, 0);
      return { centres, labels, inertia: Math.max(0, total - spread), iterations: iteration };
    }
    await tally.move(row.subarray(0, changed), from.subarray(0, changed), to.subarray(0, changed));
    const next = tally.means(floats(centres)), fed = await feed(calls, feature, next, tally.counts, run, `${name} starved ${iteration}`);
    moved = shifts(centres, fed);
    centres = fed;
    if ((fed === next && squares(moved) <= tolerance * variance) || iteration === iterations) {
      const last = await calls.nearest(feature, centres, mean);
      return { centres, labels: last.label, inertia: last.best.reduce((sum, best) => sum + best, total), iterations: iteration };
    }
    bounds.move(labels, moved);
  }
}

const upTo = (n: number) => Int32Array.from({ length: n }, (_, i) => i);

function repeated(row: Float32Array, times: number): Float32Array {
  const out = new Float32Array(row.length * times);
  for (let n = 0; n < times; n++) out.set(row, n * row.length);
  return out;
}
