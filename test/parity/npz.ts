/** @file NumPy's .npz: a zip of .npy arrays, stored or deflated. Enough of both formats for fixtures. */
import { readFile } from 'node:fs/promises';
import { inflateRawSync } from 'node:zlib';
import { inputError } from '../../engine/spec/issue.js';
import type { TypedArray } from '../../engine/spec/value.js';

export interface NpyArray {
  readonly dims: readonly number[];
  readonly data: TypedArray;
}

const ARRAYS: Readonly<Record<string, (bytes: ArrayBuffer) => TypedArray>> = {
  '<f4': (bytes) => new Float32Array(bytes), '<f8': (bytes) => new Float64Array(bytes), '<i4': (bytes) => new Int32Array(bytes),
  '<i8': (bytes) => new BigInt64Array(bytes), '|u1': (bytes) => new Uint8Array(bytes), '|b1': (bytes) => new Uint8Array(bytes),
};

/** An .npy array in C order: magic, version, header as a Python dictionary, data. */
export function parseNpy(bytes: Buffer, name: string): NpyArray {
  if (bytes.subarray(1, 6).toString('latin1') !== 'NUMPY') throw inputError(name, 'it is no .npy array');
  const wide = bytes[6]! >= 2, start = wide ? 12 : 10;
  const end = start + (wide ? bytes.readUInt32LE(8) : bytes.readUInt16LE(8));
  const header = bytes.subarray(start, end).toString('latin1');
  const dtype = /'descr':\s*'([^']+)'/.exec(header)?.[1] ?? '', shape = /'shape':\s*\(([^)]*)\)/.exec(header)?.[1];
  const make = ARRAYS[dtype];
  if (!make || shape === undefined || /'fortran_order':\s*True/.test(header)) throw inputError(name, `its header is ${header.trim()}; an array in C order of ${Object.keys(ARRAYS).join(' ')} is wanted`);
  const data = make(Uint8Array.from(bytes.subarray(end)).buffer), dims = shape.split(',').filter((part) => part.trim()).map(Number);
  if (data.length !== dims.reduce((a, b) => a * b, 1)) throw inputError(name, `it has ${data.length} elements; [${dims}] wants another number`);
  return { dims, data };
}

const END_OF_DIRECTORY = 0x06054b50, STORED = 0, DEFLATED = 8;

/** The arrays of an .npz file by name. */
export async function readNpz(file: string): Promise<ReadonlyMap<string, NpyArray>> {
  const bytes = await readFile(file);
  let end = bytes.length - 22;
  while (end >= 0 && bytes.readUInt32LE(end) !== END_OF_DIRECTORY) end--;
  if (end < 0) throw inputError(file, 'it is no zip file, or was cut short');
  const arrays = new Map<string, NpyArray>();
  for (let entry = 0, at = bytes.readUInt32LE(end + 16); entry < bytes.readUInt16LE(end + 10); entry++) {
    const method = bytes.readUInt16LE(at + 10), packed = bytes.readUInt32LE(at + 20), nameLength = bytes.readUInt16LE(at + 28), local = bytes.readUInt32LE(at + 42);
    const name = bytes.subarray(at + 46, at + 46 + nameLength).toString('utf8');
    if (method !== STORED && method !== DEFLATED) throw inputError(`${file}/${name}`, `it is packed by method ${method}; stored or deflated is wanted`);
    // The local header repeats the name with an extra field of its own length.
    const from = local + 30 + bytes.readUInt16LE(local + 26) + bytes.readUInt16LE(local + 28);
    const body = bytes.subarray(from, from + packed);
    arrays.set(name.replace(/\.npy$/, ''), parseNpy(method === DEFLATED ? inflateRawSync(body) : body, `${file}/${name}`));
    at += 46 + nameLength + bytes.readUInt16LE(at + 30) + bytes.readUInt16LE(at + 32);
  }
  return arrays;
}
