/** @file Initialisers: how a leaf's first value is drawn. Plain functions of the leaf's sizes and a stream of random numbers. */
import { orthonormaliseRows } from './orthonormal.js';

/** Where initial values come from; the session's keyed streams fit. */
export interface Draws {
  uniform(count: number): Float32Array;
  normal(count: number): Float32Array;
}
export type Initialiser = (dims: readonly number[], draws: Draws) => Float32Array;

const count = (dims: readonly number[]) => dims.reduce((a, b) => a * b, 1);

/** Inputs that one output sums over, as torch counts them for a weight [out, in, …]. */
export const fanIn = (dims: readonly number[]): number => count(dims.slice(1));
const fanOut = (dims: readonly number[]) => dims[0]! * count(dims.slice(2));

export const filled = (value: number): Initialiser => (dims) => new Float32Array(count(dims)).fill(value);
export const zeros = filled(0);
export const ones = filled(1);

/** N(0, deviation^2). */
export const normal = (deviation = 1): Initialiser => (dims, draws) => draws.normal(count(dims)).map((x) => x * deviation);

/** Uniform in [-bound, bound). */
export const uniform = (bound: number): Initialiser => (dims, draws) => draws.uniform(count(dims)).map((x) => (2 * x - 1) * bound);

/** torch's default for the weights of linear and convolution layers: uniform within 1/sqrt(fan in). */
export const torchWeight: Initialiser = (dims, draws) => uniform(1 / Math.sqrt(fanIn(dims)))(dims, draws);

/** Glorot and Bengio (2010): uniform within gain * sqrt(6 / (fan in + fan out)). */
export const xavier = (gain = 1): Initialiser => (dims, draws) => uniform(gain * Math.sqrt(6 / (fanIn(dims) + fanOut(dims))))(dims, draws);

/** Saxe et al. (2014): a matrix [out, rest] with orthonormal rows (or columns, if there are more rows), uniform among all such, made in float64. */
export const orthogonal = (gain = 1): Initialiser => (dims, draws) => {
  const rows = dims[0]!, columns = count(dims) / rows;
  const tall = rows > columns;
  const [vectors, length] = tall ? [columns, rows] : [rows, columns];
  const basis = Float64Array.from(draws.normal(vectors * length));
  orthonormaliseRows(basis, vectors, length);
  const out = new Float32Array(basis.length);
  for (let r = 0, p = 0; r < rows; r++) for (let c = 0; c < columns; c++, p++) out[p] = gain * (tall ? basis[c * rows + r]! : basis[p]!);
  return out;
};
