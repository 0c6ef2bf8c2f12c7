/**
 * @file The matrix work of k-means as programs of the session host: distances by matmul, sums by one-hot matmul, in blocks of rows.
 * Matrices between centres and rows are [K,N]: the long axis is the contiguous one, which is up to half again as fast as [N,K].
 */
import {
  add, argMin, cast, concat, equal, gather, iota, matmul, maximum, mean, minimum, mul, neg, program, reshape, slice, square, sub, sum, topK,
  type Program, type Tensor,
} from '../../engine/index.js';

/** Sizes of one k-means problem. */
export interface Sizes { readonly n: number; readonly width: number; readonly k: number }

/** A block's distance matrix has at most this many elements. */
const BLOCK = 1 << 20;
/** And its rows of the features, which are a copy, at most this many. */
const ROWS = 1 << 24;

const f32 = (...dims: (number | string)[]) => ({ dtype: 'f32' as const, dims });
const i64 = (...dims: (number | string)[]) => ({ dtype: 'i64' as const, dims });

/** Runs `body` on blocks of rows of `feature` with about BLOCK elements in a matrix of `columns`, and no more than about ROWS of their own. */
function inBlocks<T>(feature: Tensor, n: number, columns: number, body: (rows: Tensor, from: number, to: number) => T): T[] {
  const count = Math.ceil(n * Math.max(columns / BLOCK, (feature.dims[1] as number) / ROWS)), rows = Math.ceil(n / count);
  if (count === 1) return [body(feature, 0, n)];
  return Array.from({ length: Math.ceil(n / rows) }, (_, i) => {
    const from = i * rows, to = Math.min(n, from + rows);
    return body(slice(feature, 0, from, to), from, to);
  });
}
const joined = (parts: readonly Tensor[], axis = 0) => (parts.length === 1 ? parts[0]! : concat(parts, axis));
const added = (parts: readonly Tensor[]) => parts.reduce(add);

/**
 * The squared distance of every centre c to every row x, less |x - m|^2, as |c'|^2 + 2 m.c' - 2 x.c' with c' = c - m: written around the mean m,
 * so that float32 loses nothing to a common offset of the features. f32[K,rows].
 */
function relativeDistance(x: Tensor, centre: Tensor, m: Tensor): Tensor {
  const shifted = sub(centre, m);
  const offset = sum(mul(shifted, add(shifted, mul(m, 2))), [1], true);
  return add(matmul(mul(shifted, -2), x, { transposeB: true }), offset);
}

/** The mean m of the rows, and |x - m|^2 of each. */
export const surveyProgram = ({ n, width }: Sizes): Program =>
  program('k-means survey', {}, { feature: f32(n, width) }, (_, { feature }) => {
    const m = mean(feature, [0]);
    const norm = joined(inBlocks(feature, n, width, (rows) => sum(square(sub(rows, m)), [1])));
    return { outputs: { mean: m, norm } };
  });

/**
 * The nearest centre of each row (the lower index if equal), and the squared distances to it and to the next, less what does not depend on the centre.
 * [2,N] each, for two centres or more; [1,N] of one.
 */
function nearest(x: Tensor, centre: Tensor, m: Tensor, each: number) {
  const { values, indices } = topK(neg(relativeDistance(x, centre, m)), each, 0);
  return { outputs: { distance: neg(values), label: indices } };
}
export const nearestProgram = ({ n, width }: Sizes, each: number): Program =>
  program('k-means nearest', {}, { feature: f32(n, width), mean: f32(width), centre: f32('C', width) }, (_, { feature, mean: m, centre }) => nearest(feature, centre, m, each));

/** The same for some rows. */
export const someNearestProgram = ({ n, width }: Sizes, each: number): Program =>
  program('k-means nearest of rows', {}, { feature: f32(n, width), mean: f32(width), centre: f32('C', width), row: i64('R') }, (_, { feature, mean: m, centre, row }) =>
    nearest(gather(feature, row), centre, m, each));

/** What the sums of the labels' rows gain when rows get label `to` and lose label `from`; a label that none has, -1, gains and loses nothing. f32[K,F]. */
export const moveProgram = ({ n, width, k }: Sizes): Program =>
  program('k-means sums', {}, { feature: f32(n, width), row: i64('R'), from: i64('R'), to: i64('R') }, (_, { feature, row, from, to }) => {
    const member = (label: Tensor) => cast(equal(reshape(iota(k), [k, 1]), reshape(label, [1, -1])), 'f32');
    return { outputs: { gain: matmul(sub(member(to), member(from)), gather(feature, row)) } };
  });

/** Some rows of the features, by index. */
export const rowsProgram = ({ n, width }: Sizes, count: number): Program =>
  program('k-means rows', {}, { feature: f32(n, width), index: i64(count) }, (_, { feature, index }) => ({ outputs: { row: gather(feature, index) } }));

/**
 * One step of k-means++ for all restarts at once: of each restart's `trials` candidate rows, the one that leaves the smallest sum of squared distances
 * to the nearest centre, and those distances ([restarts,N]) once it is a centre. Takes them from before the step as `closest`.
 */
export const seedProgram = ({ n, width }: Sizes, restarts: number, trials: number): Program =>
  program('k-means++ step', {}, { feature: f32(n, width), mean: f32(width), norm: f32(n), candidate: i64(restarts * trials), closest: f32(restarts, n) },
    (_, { feature, mean: m, norm, candidate, closest }) => {
      const centre = gather(feature, candidate);
      const blocks = inBlocks(feature, n, restarts * trials, (rows, from, to) => {
        const cut = (t: Tensor) => (n === to - from ? t : slice(t, t.rank - 1, from, to));
        const distance = maximum(add(relativeDistance(rows, centre, m), cut(norm)), 0);
        return minimum(reshape(distance, [restarts, trials, -1]), reshape(cut(closest), [restarts, 1, -1]));
      });
      const best = argMin(added(blocks.map((block) => sum(block, [2]))), 1);
      const row = add(mul(iota(restarts), trials), best);
      return { outputs: { best, left: joined(blocks.map((block) => gather(reshape(block, [restarts * trials, -1]), row)), 1) } };
    });

/** Of some rows of length 1, the one most similar to each centre (the first if equal), and how similar that is. */
export const closestProgram = (k: number, width: number): Program =>
  program('rows closest to centres', {}, { centre: f32(k, width), row: f32('R', width) }, (_, { centre, row }) => {
    const { values, indices } = topK(matmul(centre, row, { transposeB: true }), 1, 1);
    return { outputs: { similarity: values, index: indices } };
  });
