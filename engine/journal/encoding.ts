/**
 * @file Values as JSON beside named tensors, and back: what a checkpoint's manifest holds.
 * Anything JSON can't say is an object with one key in `$`: `{"$tensor": name}`, `{"$resident": name}`, `{"$array": name}`, `{"$numbers": name}`,
 * `{"$number": "NaN"}`, `{"$bigint": "12"}`, `{"$undefined": true}`, `{"$transient": true}`, and `{"$object": {…}}` around keys in `$` of the author's own.
 */
import { inputError, GantryError } from '../spec/issue.js';
import type { DType } from '../spec/tensor-type.js';
import { ARRAYS, isResident, isTensorValue, isTransient, transient, type Resident, type TensorValue, type TypedArray } from '../spec/value.js';
import type { NamedTensor } from './safetensors.js';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Plain arrays of at least this many numbers are stored as a tensor, so that the JSON stays small. */
const LONG = 256;

/** Encodes values one after another, collecting their tensors. The same resident, tensor or array is stored once, whoever holds it. */
export interface Encoder {
  encode(value: unknown, path: string): Json;
  readonly tensors: readonly NamedTensor[];
}

/** `get` copies a resident out of the host; it is called when the tensor is written, one at a time. */
export function createEncoder(get: (resident: Resident) => Promise<TensorValue>): Encoder {
  const tensors: NamedTensor[] = [];
  const taken = new Set<string>();
  const stored = new Map<unknown, string>();
  const open = new Set<object>();

  const store = (identity: unknown, path: string, dtype: DType, dims: readonly number[], data: NamedTensor['data']): string => {
    const known = stored.get(identity);
    if (known !== undefined) return known;
    let name = path;
    for (let n = 2; taken.has(name); n++) name = `${path}~${n}`;
    taken.add(name);
    stored.set(identity, name);
    tensors.push({ name, dtype, dims, data });
    return name;
  };
  const storeArray = (identity: unknown, data: TypedArray, path: string): string => {
    const dtype = dtypeOf(data, path);
    return store(identity, path, dtype, [data.length], () => ({ dtype, dims: [data.length], data }));
  };

  const encode = (value: unknown, path: string): Json => {
    if (value === null || typeof value === 'boolean' || typeof value === 'string') return value;
    if (typeof value === 'number') return Number.isFinite(value) && !Object.is(value, -0) ? value : { $number: Object.is(value, -0) ? '-0' : String(value) };
    if (typeof value === 'bigint') return { $bigint: String(value) };
    if (value === undefined) return { $undefined: true };
    if (typeof value !== 'object') throw unfit(path, `is a ${typeof value}`);
    if (isTransient(value)) return { $transient: true };
    if (isResident(value)) return { $resident: store(value.id, path, value.dtype, value.dims, () => get(value)) };
    if (isTensorValue(value)) return { $tensor: store(value, path, value.dtype, value.dims, () => value) };
    if (ArrayBuffer.isView(value)) return { $array: storeArray(value, value as TypedArray, path) };
    if (open.has(value)) throw unfit(path, 'refers to itself');
    open.add(value);
    const encoded = Array.isArray(value) ? encodeArray(value, path) : encodeObject(value, path);
    open.delete(value);
    return encoded;
  };
  const encodeArray = (value: readonly unknown[], path: string): Json => {
    if (value.length >= LONG && value.every((element) => typeof element === 'number')) return { $numbers: storeArray(value, Float64Array.from(value), path) };
    return Array.from(value, (element, i) => encode(element, `${path}.${i}`));
  };
  // The keys keep their order: it is part of the value that a resumed run must see again.
  const encodeObject = (value: object, path: string): Json => {
    if (!isPlain(value)) throw unfit(path, `is a ${value.constructor.name}`);
    const encoded = Object.fromEntries(Object.entries(value).map(([key, child]) => [key, encode(child, `${path}.${key}`)]));
    return Object.keys(encoded).some((key) => key.startsWith('$')) ? { $object: encoded } : encoded;
  };
  return { encode, tensors };
}

/** What a decoder reads tensors from: `read` gives a copy here, `put` gives the one resident of that name in the host. */
export interface TensorSource {
  read(name: string): Promise<TensorValue>;
  put(name: string): Promise<Resident>;
}

/** Restores a value. Transient values come back as the mark alone (`isTransient`): the runtime puts their producer's initial in place. */
export async function decode(json: Json, source: TensorSource): Promise<unknown> {
  if (typeof json !== 'object' || json === null) return json;
  if (Array.isArray(json)) {
    const elements: unknown[] = [];
    for (const element of json) elements.push(await decode(element, source));
    return elements;
  }
  const object = json as { readonly [key: string]: Json };
  const [key, ...others] = Object.keys(object);
  if (!key?.startsWith('$')) return decodeObject(object, source);
  const value = object[key];
  if (others.length === 0 && typeof value === 'string') {
    if (key === '$tensor') return source.read(value);
    if (key === '$resident') return source.put(value);
    if (key === '$array') return (await source.read(value)).data;
    if (key === '$numbers') return Array.from((await source.read(value)).data as Float64Array);
    if (key === '$number') return Number(value);
    if (key === '$bigint') return BigInt(value);
  }
  if (key === '$undefined') return undefined;
  if (key === '$transient') return { [transient]: true };
  if (key === '$object' && typeof value === 'object') return decodeObject(value as { readonly [key: string]: Json }, source);
  throw inputError('manifest', `${key} is not known: it was written by a newer version or is damaged`);
}

async function decodeObject(object: { readonly [key: string]: Json }, source: TensorSource): Promise<unknown> {
  const entries: [string, unknown][] = [];
  for (const [key, child] of Object.entries(object)) entries.push([key, await decode(child, source)]);
  return Object.fromEntries(entries);
}

/** Whether an object is a record: its prototype is a root, of whichever realm made it. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function dtypeOf(array: TypedArray, path: string): DType {
  const dtype = (['f32', 'f64', 'i64', 'i32', 'u8'] as const).find((candidate) => array instanceof ARRAYS[candidate]);
  if (!dtype) throw unfit(path, `is a ${(array as object).constructor.name}`);
  return dtype;
}

/** An author's mistake that shows at the first checkpoint, not at resume. */
const unfit = (path: string, is: string): GantryError => new GantryError('CheckpointError', path, [{
  at: '', says: `${is}; a state or a kept output is plain data, tensors and arrays of f32 f64 i64 i32 u8: it must survive a resume`,
  try: 'keep it in the closure of start, or mark it transient and make it again in initial',
}], 3);
