/**
 * @file Reads images of a store by index. The first chunks stay in memory, as many as its limit allows, and the rest is read by position: shuffled epochs
 * ask for every image equally often, and readers in order come round again, so throwing chunks out for others would gain nothing and often lose all.
 */
import { open, readFile } from 'node:fs/promises';
import { setImmediate as pause } from 'node:timers/promises';
import { indicesBy, inputError, tensor, type TensorValue } from '../../engine/index.js';
import type { ImageStore } from './image-cache.js';
import { toUnit } from './pixels.js';

/** Elements handled before other work gets its turn: a few milliseconds. */
const SLICE = 1 << 20;
const READ_AT_ONCE = 1 << 24;

/** A reader of images as f32[N,...dims] in [-1,1]. `memory`: bytes that may stay. */
export function createStoreReader({ bytes, chunks }: ImageStore, dims: readonly number[], memory: number): (indices: Int32Array) => Promise<TensorValue> {
  const first: number[] = [];
  let images = 0, resident = 0;
  for (const chunk of chunks) { first.push(images); images += chunk.images; }
  while (resident < chunks.length && (first[resident]! + chunks[resident]!.images) * bytes <= memory) resident++;
  const held = new Map<number, Promise<Uint8Array>>();

  const chunkOf = (index: number): number => {
    let low = 0, high = chunks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (first[middle]! <= index) low = middle; else high = middle - 1;
    }
    return low;
  };
  const whole = (chunk: number): Promise<Uint8Array> => {
    let data = held.get(chunk);
    if (!data) {
      const { file } = chunks[chunk]!;
      data = readFile(file).catch((error: unknown) => { throw gone(file, error); });
      held.set(chunk, data);
      data.catch(() => held.delete(chunk));
    }
    return data;
  };

  return async (indices) => {
    const out = new Float32Array(indices.length * bytes);
    let since = 0;
    const take = async (data: Uint8Array, from: number, row: number) => {
      toUnit(data, from, out, row * bytes, bytes);
      since += bytes;
      if (since >= SLICE) { since = 0; await pause(); }
    };
    for (const [chunk, rows] of indicesBy(indices.map(chunkOf))) {
      const at = (row: number) => indices[row]! - first[chunk]!;
      if (chunk < resident) {
        const data = await whole(chunk);
        for (const row of rows) await take(data, at(row) * bytes, row);
      } else {
        await readRuns(chunks[chunk]!.file, bytes, rows.map((row) => ({ row, at: at(row) })), take);
      }
    }
    return tensor('f32', [indices.length, ...dims], out);
  };
}

/** Images of one file by position; those that follow one another are read at once. */
async function readRuns(path: string, bytes: number, wanted: { readonly row: number; readonly at: number }[], take: (data: Uint8Array, from: number, row: number) => Promise<void>): Promise<void> {
  const order = wanted.sort((a, b) => a.at - b.at), most = Math.max(1, Math.floor(READ_AT_ONCE / bytes));
  const file = await open(path).catch((error: unknown) => { throw gone(path, error); });
  try {
    for (let i = 0; i < order.length;) {
      let end = i + 1;
      while (end < order.length && order[end]!.at - order[end - 1]!.at <= 1 && order[end]!.at - order[i]!.at < most) end++;
      const start = order[i]!.at, data = new Uint8Array((order[end - 1]!.at - start + 1) * bytes);
      for (let done = 0; done < data.length;) {
        const { bytesRead } = await file.read(data, done, data.length - done, start * bytes + done);
        if (!bytesRead) throw gone(path);
        done += bytesRead;
      }
      for (; i < end; i++) await take(data, (order[i]!.at - start) * bytes, order[i]!.row);
    }
  } finally {
    await file.close();
  }
}

const gone = (file: string, cause?: unknown) =>
  inputError(file, `decoded images are ${cause ? `not there any more (${(cause as NodeJS.ErrnoException).code})` : 'cut short'}: the cache was changed while it was in use`, { try: 'starting again, which decodes what is missing' }, { cause });
