/** @file Row-major arrays of the float64 interpreter: everything that moves elements is one walk with strides. */
import type { NdArray } from './op.js';

export const count = (dims: readonly number[]): number => dims.reduce((a, b) => a * b, 1);

/** Distance between neighbours along each axis. */
export function strides(dims: readonly number[]): number[] {
  const steps = new Array<number>(dims.length);
  for (let i = dims.length - 1, step = 1; i >= 0; step *= dims[i]!, i--) steps[i] = step;
  return steps;
}

/** The offset, by `steps` from `base`, of every index of `dims` in row-major order. */
export function offsets(dims: readonly number[], steps: readonly number[], base = 0): Int32Array {
  const out = new Int32Array(count(dims));
  const index = new Array<number>(dims.length).fill(0);
  for (let i = 0, at = base; i < out.length; i++) {
    out[i] = at;
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      at += steps[axis]!;
      if (++index[axis]! < dims[axis]!) break;
      at -= steps[axis]! * dims[axis]!;
      index[axis] = 0;
    }
  }
  return out;
}

/** Elements picked by their offsets. */
export const pick = (data: Float64Array, at: Int32Array): Float64Array => {
  const out = new Float64Array(at.length);
  for (let i = 0; i < at.length; i++) out[i] = data[at[i]!]!;
  return out;
};

/** Strides that walk an array as if it were broadcast to `rank` axes: 0 where it is repeated. */
export function repeatedStrides(dims: readonly number[], rank: number): number[] {
  const own = strides(dims).map((step, i) => (dims[i] === 1 ? 0 : step));
  return [...new Array<number>(rank - dims.length).fill(0), ...own];
}

/** The elements of an array broadcast to `dims`. */
export const spread = ({ dims: from, data }: NdArray, dims: readonly number[]): Float64Array =>
  from.length === dims.length && from.every((d, i) => d === dims[i]) ? data : pick(data, offsets(dims, repeatedStrides(from, dims.length)));
