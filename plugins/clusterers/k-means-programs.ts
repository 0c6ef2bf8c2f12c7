/** @file The matrix work of k-means as programs of the session host: distances by matmul, sums by one-hot matmul, in blocks of rows. */
import {
  add, argMin, div, gather, greater, matmul, maximum, mean, min, minimum, mul, oneHot, program, reshape, slice, square, sub, sum, where, concat,
  type Program, type Tensor,
} from '../../engine/index.js';

/** Sizes of one k-means problem. */
export interface Sizes { readonly n: number; readonly width: number; readonly k: number }

/** A block's distance matrix has at most this many elements. */
const BLOCK = 1 << 20;

const f32 = (...dims: number[]) => ({ dtype: 'f32' as const, dims });
const i64 = (...dims: number[]) => ({ dtype: 'i64' as const, dims });

/** Runs `body` on blocks of rows of `feature` with about BLOCK elements in a matrix of `columns`. */
function inBlocks<T>(feature: Tensor, n: number, columns: number, body: (rows: Tensor, from: number, to: number) => T): T[] {
  const count = Math.ceil((n * columns) / BLOCK), rows = Math.ceil(n / count);
  if (count === 1) return [body(feature, 0, n)];
  return Array.from({ length: Math.ceil(n / rows) }, (_, i) => {
    const from = i * rows, to = Math.min(n, from + rows);
    return body(slice(feature, 0, from, to), from, to);
  });
}
const joined = (parts: readonly Tensor[]) => (parts.length === 1 ? parts[0]! : concat(parts, 0));
const added = (parts: readonly Tensor[]) => parts.reduce(add);

/**
 * The squared distance of every row x to every centre c, less |x - m|^2, as |c'|^2 + 2 m.c' - 2 x.c' with c' = c - m: written around the mean m,
 * so that float32 loses nothing to a common offset of the features. f32[rows,K].
 */
function relativeDistance(x: Tensor, centre: Tensor, m: Tensor): Tensor {
  const shifted = sub(centre, m);
  const offset = sum(mul(shifted, add(shifted, mul(m, 2))), [1]);
  return add(matmul(x, mul(shifted, -2), { transposeB: true }), offset);
}

/** The mean m of the rows, |x - m|^2 of each, and their total. */
export const surveyProgram = ({ n, width }: Sizes): Program =>
  program('k-means survey', {}, { feature: f32(n, width) }, (_, { feature }) => {
    const m = mean(feature, [0]);
    const norm = joined(inBlocks(feature, n, width, (rows) => sum(square(sub(rows, m)), [1])));
    return { outputs: { mean: m, norm, total: sum(norm) } };
  });

/** Sums and counts of the rows of each label. */
function tally(rows: Tensor, label: Tensor, k: number): { readonly sums: Tensor; readonly counts: Tensor } {
  const member = oneHot(label, k);
  return { sums: matmul(member, rows, { transposeA: true }), counts: sum(member, [0]) };
}

/** The mean of each label's rows; `otherwise` where a label has none. */
function centresFrom(parts: readonly { readonly sums: Tensor; readonly counts: Tensor }[], k: number, otherwise: Tensor): { centre: Tensor; count: Tensor } {
  const sums = added(parts.map((part) => part.sums)), count = added(parts.map((part) => part.counts));
  const column = reshape(count, [k, 1]);
  return { centre: where(greater(column, 0), div(sums, maximum(column, 1)), otherwise), count };
}

/**
 * One iteration of Lloyd: the label of each row (the nearest centre, the lower index if equal), the rows' summed distance less `total`,
 * the mean and the count of each label, and the summed squared shift of the centres.
 */
export const lloydProgram = ({ n, width, k }: Sizes): Program =>
  program('k-means iteration', {}, { feature: f32(n, width), mean: f32(width), centre: f32(k, width) }, (_, { feature, mean: m, centre }) => {
    const blocks = inBlocks(feature, n, k, (rows) => {
      const distance = relativeDistance(rows, centre, m);
      const label = argMin(distance, 1);
      return { label, nearest: sum(min(distance, [1])), ...tally(rows, label, k) };
    });
    const next = centresFrom(blocks, k, centre);
    return { outputs: {
      label: joined(blocks.map((block) => block.label)), nearest: added(blocks.map((block) => block.nearest)),
      centre: next.centre, count: next.count, shift: sum(square(sub(next.centre, centre))),
    } };
  });

/** The nearest centre of each row, and the summed distance less `total`. */
export const assignProgram = ({ n, width, k }: Sizes): Program =>
  program('k-means assignment', {}, { feature: f32(n, width), mean: f32(width), centre: f32(k, width) }, (_, { feature, mean: m, centre }) => {
    const blocks = inBlocks(feature, n, k, (rows) => {
      const distance = relativeDistance(rows, centre, m);
      return { label: argMin(distance, 1), nearest: sum(min(distance, [1])) };
    });
    return { outputs: { label: joined(blocks.map((block) => block.label)), nearest: added(blocks.map((block) => block.nearest)) } };
  });

/** The mean of the rows of each label (zeros where there are none), and the counts. */
export const meansProgram = ({ n, width, k }: Sizes): Program =>
  program('k-means means', {}, { feature: f32(n, width), label: i64(n) }, (_, { feature, label }) => {
    const blocks = inBlocks(feature, n, k, (rows, from, to) => tally(rows, n === to - from ? label : slice(label, 0, from, to), k));
    return { outputs: { ...centresFrom(blocks, k, mul(added(blocks.map((block) => block.sums)), 0)) } };
  });

/** Some rows of the features, by index. */
export const rowsProgram = ({ n, width }: Sizes, count: number): Program =>
  program('k-means rows', {}, { feature: f32(n, width), index: i64(count) }, (_, { feature, index }) => ({ outputs: { row: gather(feature, index) } }));

/**
 * One step of k-means++ for all restarts at once: of each restart's `trials` candidate rows, the one that leaves the smallest sum of squared distances
 * to the nearest centre, and those distances ([N,restarts]) once it is a centre.
 */
export const seedProgram = ({ n, width }: Sizes, restarts: number, trials: number): Program =>
  program('k-means++ step', {}, { feature: f32(n, width), mean: f32(width), norm: f32(n), candidate: i64(restarts * trials), closest: f32(n, restarts) },
    (_, { feature, mean: m, norm, candidate, closest }) => {
      const centre = gather(feature, candidate);
      const blocks = inBlocks(feature, n, restarts * trials, (rows, from, to) => {
        const cut = (t: Tensor) => (n === to - from ? t : slice(t, 0, from, to));
        const distance = maximum(add(relativeDistance(rows, centre, m), reshape(cut(norm), [to - from, 1])), 0);
        return minimum(reshape(distance, [to - from, restarts, trials]), reshape(cut(closest), [to - from, restarts, 1]));
      });
      const best = argMin(added(blocks.map((block) => sum(block, [0]))), 1);
      const chosen = reshape(oneHot(best, trials), [1, restarts, trials]);
      return { outputs: { best, closest: joined(blocks.map((block) => sum(mul(block, chosen), [2]))) } };
    });
