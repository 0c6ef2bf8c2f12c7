/**
 * @file The safetensors format: a little-endian u64 header length, a JSON header, then the tensors' bytes. Nothing in it is executed.
 * Source: the format's description at https://github.com/huggingface/safetensors
 */
import { createHash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import { inputError, type GantryError } from '../spec/issue.js';
import type { DType } from '../spec/tensor-type.js';
import { ARRAYS, elements, tensor, type TensorValue } from '../spec/value.js';
import { SLICE, writeSlices } from './atomic.js';

/** A tensor to be written: sizes are known beforehand, data is fetched when its turn comes. */
export interface NamedTensor {
  readonly name: string;
  readonly dtype: DType;
  readonly dims: readonly number[];
  data(): TensorValue | Promise<TensorValue>;
}

/** An open safetensors file whose header was found right. `read` copies one tensor out. */
export interface TensorFile {
  readonly tensors: ReadonlyMap<string, { readonly dtype: DType; readonly dims: readonly number[] }>;
  readonly metadata: Readonly<Record<string, string>>;
  read(name: string): Promise<TensorValue>;
  close(): Promise<void>;
}

const NAMES = { f32: 'F32', f64: 'F64', i64: 'I64', i32: 'I32', u8: 'U8', bool: 'BOOL' } as const satisfies Record<DType, string>;
const DTYPES = new Map<string, DType>(Object.entries(NAMES).map(([dtype, name]) => [name, dtype as DType]));
const bytesOf = (dtype: DType, dims: readonly number[]): number => elements(dims) * ARRAYS[dtype].BYTES_PER_ELEMENT;
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/**
 * Writes tensors to an open file and gives the file's sha256. One tensor's data is held at a time.
 * Data is ordered by element size, then name, so that every tensor is aligned; the header is ordered by name and padded to 8 bytes.
 */
export async function writeSafetensors(file: FileHandle, tensors: readonly NamedTensor[]): Promise<string> {
  const order = [...tensors].sort((a, b) =>
    ARRAYS[b.dtype].BYTES_PER_ELEMENT - ARRAYS[a.dtype].BYTES_PER_ELEMENT || compare(a.name, b.name));
  let end = 0;
  const entries = order.map(({ name, dtype, dims }) => {
    const start = end;
    end += bytesOf(dtype, dims);
    return { name, text: `${JSON.stringify(name)}:${JSON.stringify({ dtype: NAMES[dtype], shape: dims, data_offsets: [start, end] })}` };
  });
  const repeated = entries.find(({ name }, i) => entries.findIndex((other) => other.name === name) !== i);
  if (repeated) throw new RangeError(`two tensors are named "${repeated.name}"`);

  const json = Buffer.from(`{${entries.sort((a, b) => compare(a.name, b.name)).map(({ text }) => text).join(',')}}`);
  const header = Buffer.alloc(8 + Math.ceil(json.length / 8) * 8, ' ');
  header.writeBigUInt64LE(BigInt(header.length - 8));
  json.copy(header, 8);

  const hash = createHash('sha256');
  const add = (slice: Uint8Array) => { hash.update(slice); };
  await writeSlices(file, header, add);
  for (const { name, dtype, dims, data } of order) {
    const { data: values } = await data();
    if (values.byteLength !== bytesOf(dtype, dims)) throw new RangeError(`"${name}" has ${values.byteLength} bytes, not those of ${dtype}[${dims}]`);
    await writeSlices(file, new Uint8Array(values.buffer, values.byteOffset, values.byteLength), add);
  }
  return hash.digest('hex');
}

/** Opens a safetensors file and checks its header against its size. Throws an InputError that says what is wrong; closes the file then. */
export async function openSafetensors(path: string): Promise<TensorFile> {
  const file = await openToRead(path);
  try {
    const { start, entries, metadata } = await readHeader(file, path);
    return {
      tensors: entries,
      metadata,
      async read(name) {
        const entry = entries.get(name);
        if (!entry) throw inputError(path, `has no tensor "${name}"`);
        const bytes = new Uint8Array(entry.end - entry.begin);
        await readFully(file, bytes, start + entry.begin, path);
        return tensor(entry.dtype, entry.dims, new ARRAYS[entry.dtype](bytes.buffer));
      },
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** The sha256 of a file, read in slices. */
export async function hashFile(path: string): Promise<string> {
  const file = await openToRead(path);
  try {
    const hash = createHash('sha256');
    const { size } = await file.stat(), slice = Buffer.allocUnsafe(Math.min(SLICE, size + 1));
    for (;;) {
      const { bytesRead } = await file.read(slice, 0, slice.length, null);
      if (!bytesRead) return hash.digest('hex');
      hash.update(slice.subarray(0, bytesRead));
    }
  } finally {
    await file.close();
  }
}

interface Entry { readonly dtype: DType; readonly dims: readonly number[]; readonly begin: number; readonly end: number }

async function readHeader(file: FileHandle, path: string) {
  const wrong = (says: string): GantryError => inputError(path, `is no whole safetensors file: ${says}`);
  const { size } = await file.stat();
  if (size < 8) throw wrong(`it has ${size} bytes, not even a header length`);
  const prefix = Buffer.alloc(8);
  await readFully(file, prefix, 0, path);
  const length = Number(prefix.readBigUInt64LE());
  if (length > size - 8) throw wrong(`its header says ${length} bytes, the file has ${size}`);
  const text = Buffer.alloc(length);
  await readFully(file, text, 8, path);
  let header: unknown;
  try {
    header = JSON.parse(text.toString('utf8'));
  } catch {
    throw wrong('its header is no JSON');
  }
  if (!isRecord(header)) throw wrong('its header is no JSON object');

  const { __metadata__: metadata = {}, ...rest } = header;
  if (!isRecord(metadata) || !Object.values(metadata).every((value) => typeof value === 'string')) throw wrong('__metadata__ holds more than strings');
  const entries = new Map(Object.entries(rest).map(([name, value]) => [name, readEntry(name, value, wrong)]));
  let end = 0;
  for (const [name, entry] of [...entries].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end)) {
    if (entry.begin !== end) throw wrong(`"${name}" starts at byte ${entry.begin} of the data, ${entry.begin < end ? 'inside the tensor before it' : `after a hole from ${end}`}`);
    end = entry.end;
  }
  const start = 8 + length;
  if (start + end !== size) throw wrong(`its header describes ${start + end} bytes, the file has ${size}`);
  return { start, entries, metadata: metadata as Record<string, string> };
}

function readEntry(name: string, value: unknown, wrong: (says: string) => GantryError): Entry {
  if (!isRecord(value)) throw wrong(`"${name}" is no object`);
  const { dtype: spelling, shape: dims, data_offsets: offsets } = value;
  const dtype = DTYPES.get(String(spelling));
  if (!dtype) throw wrong(`"${name}" has dtype ${JSON.stringify(spelling)}; wanted is one of ${[...DTYPES.keys()].join(' ')}`);
  if (!isSizes(dims)) throw wrong(`"${name}" has no shape of whole numbers`);
  if (!isSizes(offsets) || offsets.length !== 2 || offsets[0]! > offsets[1]!) throw wrong(`"${name}" has no pair of offsets in order`);
  const [begin, end] = offsets as [number, number];
  if (end - begin !== bytesOf(dtype, dims)) throw wrong(`"${name}" has ${end - begin} bytes, ${dtype}[${dims}] takes ${bytesOf(dtype, dims)}`);
  return { dtype, dims, begin, end };
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
const isSizes = (value: unknown): value is number[] => Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);

async function openToRead(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r');
  } catch (error) {
    throw inputError(path, `can not be opened: ${(error as NodeJS.ErrnoException).code ?? error}`, {}, { cause: error });
  }
}

async function readFully(file: FileHandle, into: Uint8Array, position: number, path: string): Promise<void> {
  for (let done = 0; done < into.byteLength;) {
    const { bytesRead } = await file.read(into, done, Math.min(SLICE * 16, into.byteLength - done), position + done);
    if (!bytesRead) throw inputError(path, `ends at byte ${position + done}, ${into.byteLength - done} bytes early: it was cut while being read`);
    done += bytesRead;
  }
}
