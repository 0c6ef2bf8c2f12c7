/** @file Initialisers: how a leaf's first value is drawn. Plain functions of the leaf's sizes and a stream of random numbers. */
import { orthonormaliseRows } from './orthonormal.js';
import { whole, type Slices } from './slices.js';

/** Where initial values come from; the session's keyed streams fit. */
export interface Draws {
  uniform(count: number): Float32Array;
  normal(count: number): Float32Array;
}
export interface Initialiser {
  (dims: readonly number[], draws: Draws): Float32Array;
  /** The same values bit by bit, for layers of which there is much to do. */
  readonly slices?: (dims: readonly number[], draws: Draws) => Slices<Float32Array>;
}

const sliced = (slices: (dims: readonly number[], draws: Draws) => Slices<Float32Array>): Initialiser => Object.assign((dims: readonly number[], draws: Draws) => whole(slices(dims, draws)), { slices });

/** The values of a leaf that is stored in another order of its sizes. */
export const sizedAs = (dims: readonly number[], init: Initialiser): Initialiser =>
  (init.slices ? sliced((_, draws) => init.slices!(dims, draws)) : (_, draws) => init(dims, draws));

const count = (dims: readonly number[]) => dims.reduce((a, b) => a * b, 1);

/** Inputs that one output sums over, as torch counts them for a weight [out, in, …]. */
export const fanIn = (dims: readonly number[]): number => count(dims.slice(1));
const fanOut = (dims: readonly number[]) => dims[0]! * count(dims.slice(2));

export const filled = (value: number): Initialiser => (dims) => new Float32Array(count(dims)).fill(value);
export const zeros = filled(0);
export const ones = filled(1);

/** Numbers of a slice. A draw takes whole blocks of four of the stream, so draws of so many give what one of all would. */
const SLICE = 1 << 16;

/** Fills `out` with draws, changed by `become`. */
function* drawn<A extends Float32Array | Float64Array>(out: A, draw: (count: number) => Float32Array, become: (x: number) => number): Slices<A> {
  for (let from = 0; from < out.length; from += SLICE) {
    const piece = draw(Math.min(SLICE, out.length - from));
    for (let i = 0; i < piece.length; i++) out[from + i] = become(piece[i]!);
    yield;
  }
  return out;
}

/** N(0, deviation^2). */
export const normal = (deviation = 1): Initialiser => sliced((dims, { normal: draw }) => drawn(new Float32Array(count(dims)), draw, (x) => x * deviation));

/** Uniform in [-bound, bound). */
export const uniform = (bound: number): Initialiser => uniformWithin(() => bound);
const uniformWithin = (boundOf: (dims: readonly number[]) => number): Initialiser => sliced((dims, { uniform: draw }) => {
  const bound = boundOf(dims);
  return drawn(new Float32Array(count(dims)), draw, (x) => (2 * x - 1) * bound);
});

/** torch's default for the weights of linear and convolution layers: uniform within 1/sqrt(fan in). */
export const torchWeight: Initialiser = uniformWithin((dims) => 1 / Math.sqrt(fanIn(dims)));

/** Glorot and Bengio (2010): uniform within gain * sqrt(6 / (fan in + fan out)). */
export const xavier = (gain = 1): Initialiser => uniformWithin((dims) => gain * Math.sqrt(6 / (fanIn(dims) + fanOut(dims))));

/** Saxe et al. (2014): a matrix [out, rest] with orthonormal rows (or columns, if there are more rows), uniform among all such, made in float64. */
export const orthogonal = (gain = 1): Initialiser => sliced(function* (dims, { normal: draw }) {
  const rows = dims[0]!, columns = count(dims) / rows;
  const tall = rows > columns;
  const [vectors, length] = tall ? [columns, rows] : [rows, columns];
  const basis = yield* drawn(new Float64Array(vectors * length), draw, (x) => x);
  yield* orthonormaliseRows(basis, vectors, length);
  const out = new Float32Array(basis.length);
  for (let r = 0, p = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++, p++) out[p] = gain * (tall ? basis[c * rows + r]! : basis[p]!);
    yield;
  }
  return out;
});
