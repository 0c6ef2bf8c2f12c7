/** @file What the walks over the operator table need to know of an operator: programs that use it, and where to sample their inputs. */
import type { DType } from '../../../engine/spec/tensor-type.js';
import { count } from '../../../engine/tensor/array.js';
import type { Op } from '../../../engine/tensor/op.js';
import type { Tensor } from '../../../engine/tensor/tensor.js';

/** Where an input's elements are drawn from: low..high, unless a field says otherwise. */
export interface Sample {
  readonly dims: readonly number[];
  readonly dtype?: DType;
  readonly low?: number;
  readonly high?: number;
  /** At least 0.05 from these points, where the operator has kinks. */
  readonly away?: readonly number[];
  /** All elements at least 0.2 apart, shifted by this: operators that compare. */
  readonly apart?: number;
  /** Integers 0..below-1. */
  readonly below?: number;
}

/** One program that uses an operator. */
export interface Case {
  readonly op: Op;
  /** Inputs by name; a list of sizes stands for reals in -2..2. */
  readonly inputs: Readonly<Record<string, Sample | readonly number[]>>;
  build(inputs: Readonly<Record<string, Tensor>>): Tensor | readonly Tensor[];
  /** Leaves order 2 out, with the reason: where the operator is not twice differentiable, say. */
  readonly once?: string;
}

export const sampleOf = (given: Sample | readonly number[]): Sample => ('dims' in given ? given : { dims: given });

/** Reproducible numbers in 0..1 (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = state + 0x6d2b79f5 | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = t + Math.imul(t ^ (t >>> 7), 61 | t) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Elements for a sample. */
export function draw({ dims, low = -2, high = 2, away = [], apart, below, dtype }: Sample, random: () => number): Float64Array {
  const size = count(dims);
  if (dtype === 'bool') return Float64Array.from({ length: size }, () => Number(random() < 0.5));
  if (below !== undefined) return Float64Array.from({ length: size }, () => Math.floor(random() * below));
  if (apart !== undefined) {
    const order = Array.from({ length: size }, (_, i) => ({ i, key: random() })).sort((a, b) => a.key - b.key);
    return Float64Array.from(order, ({ i }) => 0.3 * (i - size / 2) + apart);
  }
  return Float64Array.from({ length: size }, () => {
    for (;;) {
      const value = low + (high - low) * random();
      if (away.every((kink) => Math.abs(value - kink) > 0.05)) return value;
    }
  });
}
