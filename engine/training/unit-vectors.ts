/** @file Feature vectors as neighbours and instances are sought among: of length 1, finite, and at hand in any order. */
import { turns } from '../dataflow/turns.js';
import { inputError } from '../spec/issue.js';
import type { Features } from './values.js';

export interface UnitVectors {
  readonly size: number;
  readonly width: number;
  /** All of them, f32[size,width], where they fit in memory. */
  readonly whole?: Float32Array;
  /** Those at these indices, one after the other. */
  read(indices: Int32Array): Promise<Float32Array>;
}

/** Elements that are read at once: a millisecond's work. */
const SLICE = 1 << 18;
/** A squared length so near to 1 is left as it is: dividing by it would only round again. */
const NEAR_ONE = 1e-6;

/** The vectors of `features` divided by their lengths; kept in memory if that takes at most so many `bytes`. Throws an InputError at `where` that names a vector without a direction. */
export async function unitVectors(features: Features, bytes: number, where: string, signal?: AbortSignal): Promise<UnitVectors> {
  const { size, width } = features;
  const read = async (indices: Int32Array): Promise<Float32Array> => {
    const { data } = await features.read(indices);
    return normalised(data as Float32Array, width, (row) => indices[row]!, where);
  };
  if (size * width * 4 > bytes) return { size, width, read };
  const whole = new Float32Array(size * width), turn = turns(signal);
  for await (const { from, data } of inSlices({ size, width, read })) {
    whole.set(data, from * width);
    await turn();
  }
  return {
    size, width, whole,
    read: async (indices) => {
      const rows = new Float32Array(indices.length * width);
      indices.forEach((from, to) => { rows.set(whole.subarray(from * width, (from + 1) * width), to * width); });
      return rows;
    },
  };
}

/** All vectors in their order, a slice at a time. */
export async function* inSlices({ size, width, whole, read }: UnitVectors): AsyncGenerator<{ readonly from: number; readonly data: Float32Array }> {
  const rows = Math.max(1, Math.floor(SLICE / width));
  for (let from = 0; from < size; from += rows) {
    const count = Math.min(rows, size - from);
    yield { from, data: whole ? whole.subarray(from * width, (from + count) * width) : await read(Int32Array.from({ length: count }, (_, i) => from + i)) };
  }
}

function normalised(data: Float32Array, width: number, indexOf: (row: number) => number, where: string): Float32Array {
  const out = data.slice();
  for (let at = 0; at < data.length; at += width) {
    let square = 0;
    for (let j = at; j < at + width; j++) square += data[j]! * data[j]!;
    if (!(square > 0) || square === Number.POSITIVE_INFINITY) {
      throw inputError(where, `the vector of image ${indexOf(at / width)} ${square === 0 ? 'is zero: it has no direction' : 'is not finite'}`,
        { try: 'another output or preparation of the model, or leave the image out' });
    }
    if (Math.abs(square - 1) <= NEAR_ONE) continue;
    const scale = 1 / Math.sqrt(square);
    for (let j = at; j < at + width; j++) out[j] = data[j]! * scale;
  }
  return out;
}
