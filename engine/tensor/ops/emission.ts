/** @file Short spellings of the ONNX nodes that lowerings in several steps use. */
import type { Emitter } from '../op.js';

/** The name of a value in the file. */
export type Name = string;

export const node = (emit: Emitter, ...rest: Parameters<Emitter['node']>): Name => emit.node(...rest)[0]!;
export const ints = (emit: Emitter, values: readonly number[]): Name => emit.constant('i64', [values.length], values);
export const reshaped = (emit: Emitter, x: Name, ...dims: number[]): Name => node(emit, 'Reshape', [x, ints(emit, dims)]);
export const permuted = (emit: Emitter, x: Name, ...perm: number[]): Name => node(emit, 'Transpose', [x], { perm });
export const summed = (emit: Emitter, parts: readonly Name[]): Name => (parts.length === 1 ? parts[0]! : node(emit, 'Sum', parts));
export const joined = (emit: Emitter, parts: readonly Name[], axis: number): Name =>
  (parts.length === 1 ? parts[0]! : node(emit, 'Concat', parts, { axis }));
/** Equal parts of an axis of `size`. */
export const parted = (emit: Emitter, x: Name, count: number, size: number, axis: number): readonly Name[] =>
  count === 1 ? [x] : emit.node('Split', [x, ints(emit, Array<number>(count).fill(size / count))], { axis }, count);
