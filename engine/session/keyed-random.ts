/** @file Counter-based random numbers (Philox4x32-10, Salmon et al. 2011): a stream is a function of its key, so there is no generator state to save. */

/** One stream of numbers. Draws advance a counter of its own; the same key gives the same stream again. */
export interface Random {
  /** Uniform in [0,1). */
  uniform(count: number): Float32Array;
  /** Standard normal. */
  normal(count: number): Float32Array;
  /** Integers in 0..below-1. */
  integers(count: number, below: number): Int32Array;
  /** A permutation of 0..count-1. */
  permutation(count: number): Int32Array;
}
