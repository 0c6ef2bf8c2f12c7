/** @file Vectors as `@features`: rows of the store's files, from memory where they fit, else read as they are needed. */
import { open } from 'node:fs/promises';
import { setImmediate as pause } from 'node:timers/promises';
import { inputError, tensor, transient, type Dataset, type Features } from '../../engine/index.js';
import { hashOf, normaliseRows } from './open.js';
import type { Stored } from './store.js';

/** Bytes that one call reads, and rows that are handled before other work gets its turn: a few milliseconds. */
const CALL = 1 << 24, SLICE = 1 << 20;
/** Scattered rows that are read at once. */
const ABREAST = 64;

export interface VectorOptions {
  readonly dataset: Dataset;
  readonly normalised: boolean;
  /** Bytes that vectors may take in memory. */
  readonly memory: number;
}

/** The vectors of a data set: `files` are those of its images and, where there are any, of the mirrored ones. */
export function vectors(files: readonly [Stored, Stored?], { dataset, normalised, memory }: VectorOptions): Features {
  const [{ rows, width, key }, flipped] = files;
  const all = files.filter((file) => file !== undefined);
  const inMemory = all.length * rows * width * 4 <= memory;
  let loaded: Promise<readonly Float32Array[]> | undefined;
  const load = () => Promise.all(all.map((file) => wholeOf(file, normalised)));

  return {
    [transient]: true,
    key: hashOf([key, flipped?.key, normalised]),
    size: rows, width, normalised,
    labels: dataset.labels, classes: dataset.classes,
    flips: flipped !== undefined,
    async read(indices, mirrored) {
      const wrong = indices.find((i) => !(i >= 0 && i < rows));
      if (wrong !== undefined) throw new RangeError(`there is no vector ${wrong}: there are ${rows}`);
      if (mirrored?.some(Boolean) && !flipped) throw new RangeError('mirrored images have no vectors of their own here');
      const out = new Float32Array(indices.length * width), side = (i: number) => (mirrored?.[i] ? 1 : 0);
      if (inMemory) {
        loaded ??= load();
        const values = await loaded;
        const slice = Math.max(1, Math.floor(SLICE / width));
        for (let i = 0; i < indices.length; i++) {
          out.set(values[side(i)]!.subarray(indices[i]! * width, (indices[i]! + 1) * width), i * width);
          if (i % slice === slice - 1) await pause();
        }
      } else {
        await scattered(all, indices, side, out);
        if (normalised) await normaliseSlices(out, width);
      }
      return tensor('f32', [indices.length, width], out);
    },
  };
}

async function wholeOf(file: Stored, normalised: boolean): Promise<Float32Array> {
  const values = new Float32Array(file.rows * file.width);
  await opened(file, (read) => read(0, values));
  if (normalised) await normaliseSlices(values, file.width);
  return values;
}

/** Reads runs of consecutive rows in one call each, several at a time. */
async function scattered(files: readonly Stored[], indices: Int32Array, side: (i: number) => number, out: Float32Array): Promise<void> {
  const { width } = files[0]!;
  for (const [which, file] of files.entries()) {
    const runs: { readonly from: number; readonly to: number }[] = [];
    for (let i = 0; i < indices.length; i++) {
      if (side(i) !== which) continue;
      const from = i;
      while (i + 1 < indices.length && side(i + 1) === which && indices[i + 1] === indices[i]! + 1) i++;
      runs.push({ from, to: i + 1 });
    }
    if (!runs.length) continue;
    await opened(file, async (read) => {
      for (let r = 0; r < runs.length; r += ABREAST) {
        await Promise.all(runs.slice(r, r + ABREAST).map(({ from, to }) => read(indices[from]!, out.subarray(from * width, to * width))));
      }
    });
  }
}

/** Opens a file for as long as it is read: whoever holds vectors holds no file. */
async function opened(file: Stored, use: (read: (row: number, into: Float32Array) => Promise<void>) => Promise<void>): Promise<void> {
  const handle = await open(file.path, 'r').catch((error: NodeJS.ErrnoException) => {
    throw inputError(file.path, `these vectors can not be read: ${error.code}`, { try: 'running again, which extracts them again' });
  });
  try {
    await use(async (row, into) => {
      const bytes = new Uint8Array(into.buffer, into.byteOffset, into.byteLength);
      for (let done = 0; done < bytes.length;) {
        const { bytesRead } = await handle.read(bytes, done, Math.min(CALL, bytes.length - done), row * file.width * 4 + done);
        if (!bytesRead) throw inputError(file.path, `it ends before row ${row + Math.floor(done / 4 / file.width)}: it was cut since it was opened`);
        done += bytesRead;
      }
    });
  } finally {
    await handle.close();
  }
}

async function normaliseSlices(values: Float32Array, width: number): Promise<void> {
  const step = Math.max(1, Math.floor(SLICE / width)) * width;
  for (let from = 0; from < values.length; from += step) {
    normaliseRows(values.subarray(from, from + step), width);
    await pause();
  }
}
