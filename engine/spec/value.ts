/** @file What travels along edges and sits in states: tensors with their data here, tensors resident in the session host, and opaque plain data. All immutable. */
import type { DType } from './tensor-type.js';

export type TypedArray = Float32Array | Float64Array | BigInt64Array | Int32Array | Uint8Array;

/** A tensor whose data is in this thread. Never written to after it was made. `bool` is one byte an element. */
export interface TensorValue {
  readonly dtype: DType;
  readonly dims: readonly number[];
  readonly data: TypedArray;
}

/**
 * A tensor that lives in the session host (its thread's memory, later a GPU's). The host keeps it until it is released;
 * the runtime releases what no state, register or wave in flight refers to. Authors never do.
 */
export class Resident {
  constructor(
    readonly id: number,
    readonly dtype: DType,
    readonly dims: readonly number[],
  ) {}
}

export type Tensorial = TensorValue | Resident;

/** Mark of a value that checkpoints leave out, because its producer's `initial` makes it again (an open data set, say). */
export const transient = Symbol.for('gantry.transient');
export interface Transient {
  readonly [transient]: true;
}

/** A value on an edge: a tensor, or plain data (objects, arrays, numbers, strings, typed arrays, residents) for opaque ports such as `@weights`. */
export type Value = Tensorial | object | string | number | boolean;

export const ARRAYS = {
  f32: Float32Array, f64: Float64Array, i64: BigInt64Array, i32: Int32Array, u8: Uint8Array, bool: Uint8Array,
} as const;

export const elements = (dims: readonly number[]): number => dims.reduce((a, b) => a * b, 1);

/** A tensor value; checks that data and sizes agree. */
export function tensor(dtype: DType, dims: readonly number[], data: TypedArray): TensorValue {
  if (!(data instanceof ARRAYS[dtype])) throw new TypeError(`${dtype}[${dims}] wants a ${ARRAYS[dtype].name}, got ${data.constructor.name}`);
  if (data.length !== elements(dims)) throw new RangeError(`${dtype}[${dims}] wants ${elements(dims)} elements, got ${data.length}`);
  return { dtype, dims, data };
}

/** Integers as a vector i64[N]: written as pairs of words, for they may be many and a BigInt each takes its time. */
export function int64(values: ArrayLike<number>): TensorValue {
  const data = new BigInt64Array(values.length), words = new Int32Array(data.buffer), low = Number(!LITTLE_ENDIAN);
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (!Number.isSafeInteger(value)) throw new RangeError(`${value} is no integer`);
    words[2 * i + low] = value;
    words[2 * i + 1 - low] = Math.floor(value / 2 ** 32);
  }
  return tensor('i64', [values.length], data);
}
const LITTLE_ENDIAN = new Int32Array(BigInt64Array.of(1n).buffer)[0] === 1;

export const isResident = (value: unknown): value is Resident => value instanceof Resident;
export const isTensorValue = (value: unknown): value is TensorValue =>
  typeof value === 'object' && value !== null && 'dtype' in value && 'dims' in value && 'data' in value && ArrayBuffer.isView(value.data);
export const isTransient = (value: unknown): value is Transient => typeof value === 'object' && value !== null && transient in value;
