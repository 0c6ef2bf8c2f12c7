/** @file Short spellings of the ONNX nodes that lowerings in several steps use. */
import type { DType } from '../../spec/tensor-type.js';
import type { Emitter } from '../op.js';

/** The name of a value in the file. */
export type Name = string;

export const node = (emit: Emitter, ...rest: Parameters<Emitter['node']>): Name => emit.node(...rest)[0]!;
export const ints = (emit: Emitter, values: readonly number[]): Name => emit.constant('i64', [values.length], values);
export const reshaped = (emit: Emitter, x: Name, ...dims: number[]): Name => node(emit, 'Reshape', [x, ints(emit, dims)]);
export const permuted = (emit: Emitter, x: Name, ...perm: number[]): Name => (perm.every((axis, i) => axis === i) ? x : node(emit, 'Transpose', [x], { perm }));
export const summed = (emit: Emitter, parts: readonly Name[]): Name => (parts.length === 1 ? parts[0]! : node(emit, 'Sum', parts));
export const joined = (emit: Emitter, parts: readonly Name[], axis: number): Name =>
  (parts.length === 1 ? parts[0]! : node(emit, 'Concat', parts, { axis }));
/** Equal parts of an axis of `size`. */
export const parted = (emit: Emitter, x: Name, count: number, size: number, axis: number): readonly Name[] =>
  count === 1 ? [x] : emit.node('Split', [x, ints(emit, Array<number>(count).fill(size / count))], { axis }, count);

/** Whether `weightedColumns` fits: the weights of rows are part of the file. */
export const fewRows = (rows: number): boolean => rows <= 4096;
/** The sums of a matrix's columns, every element times `weight`: as a product with a row of weights, two to four times as fast as a reduction. */
export const weightedColumns = (emit: Emitter, x: Name, dtype: DType, rows: number, weight: number): Name =>
  node(emit, 'Gemm', [emit.constant(dtype, [1, rows], Array<number>(rows).fill(weight)), x]);

/** A matrix of some axes by others, or `turned`, the others by them. */
export interface Matrix { readonly name: Name; readonly turned: boolean }
/** x as a matrix with those axes of it as rows and these as columns, or turned if that leaves more of its memory as it is: products take either. */
export function matrix(emit: Emitter, x: Name, sizes: readonly number[], rows: readonly number[], columns: readonly number[]): Matrix {
  const { perm } = emit.origin(x) ?? { perm: sizes.map((_, axis) => axis) }, turned = perm[rows.at(-1)!] === sizes.length - 1;
  const count = (axes: readonly number[]) => axes.reduce((n, axis) => n * sizes[axis]!, 1), order = turned ? [columns, rows] : [rows, columns];
  return { name: reshaped(emit, permuted(emit, x, ...order.flat()), ...order.map(count)), turned };
}
