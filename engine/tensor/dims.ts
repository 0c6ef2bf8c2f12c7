/** @file Arithmetic of sizes, which are numbers or symbols. What cannot be decided about a symbol is refused, never guessed. */
import type { Dim, TensorShape } from '../spec/tensor-type.js';
import { ARRAYS } from '../spec/value.js';
import { RuleError } from './tensor.js';

export type Dims = readonly Dim[];

export const known = (dims: Dims): dims is readonly number[] => dims.every((d) => typeof d === 'number');
export const sameDims = (a: Dims, b: Dims): boolean => a.length === b.length && a.every((d, i) => d === b[i]);

/** How many bytes a tensor has, where a size that is a symbol counts as `many`. */
export const bytesOf = ({ dtype, dims }: TensorShape, many = Number.NaN): number =>
  dims.reduce<number>((n, size) => n * (typeof size === 'number' ? size : many), ARRAYS[dtype].BYTES_PER_ELEMENT);

/** The sizes as numbers, or a `RuleError` that says what wanted them. */
export function numbers(dims: Dims, wanted: string): readonly number[] {
  if (!known(dims)) throw new RuleError(`${wanted} wants sizes that are numbers, got [${dims}]`);
  return dims;
}

/** The sizes of two operands broadcast together, NumPy's way. */
export function broadcastDims(a: Dims, b: Dims): Dim[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const x = a[i - rank + a.length] ?? 1, y = b[i - rank + b.length] ?? 1;
    if (x === 1 || x === y) return y;
    if (y === 1) return x;
    throw new RuleError(`[${a}] and [${b}] do not broadcast: ${x} is not ${y}`);
  });
}

/** An axis counted from 0; negative ones count from the end. */
export function axisOf(axis: number, rank: number): number {
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank) throw new RuleError(`axis ${axis} is not among ${rank} axes`);
  return axis < 0 ? axis + rank : axis;
}

/** Distinct axes in ascending order; all of them when none are named. */
export const axesOf = (axes: number | readonly number[] | undefined, rank: number): number[] =>
  axes === undefined ? Array.from({ length: rank }, (_, i) => i)
    : [...new Set([axes].flat().map((axis) => axisOf(axis, rank)))].sort((a, b) => a - b);

/** The sizes left after a reduction: reduced axes go, or stay as 1. */
export const reducedDims = (dims: Dims, axes: readonly number[], keep: boolean): Dim[] =>
  keep ? dims.map((d, i) => (axes.includes(i) ? 1 : d)) : dims.filter((_, i) => !axes.includes(i));

/** `dims` with the size at `axis` replaced. */
export const withSize = (dims: Dims, axis: number, ...sizes: Dim[]): Dim[] => [...dims.slice(0, axis), ...sizes, ...dims.slice(axis + 1)];
