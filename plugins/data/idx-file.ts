/** @file IDX files, the format of MNIST: a big-endian header (magic, sizes), then one byte an element. Raw or gzipped. */
import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { constants, gunzip } from 'node:zlib';
import { inputError } from '../../engine/index.js';
import { requireKnown } from './checksums.js';

export interface Idx {
  readonly dims: readonly number[];
  readonly data: Uint8Array;
}

const UNSIGNED_BYTES = 0x08;
const hex = (magic: number) => `0x${magic.toString(16).padStart(8, '0')}`;
const isGzip = (bytes: Uint8Array) => bytes[0] === 0x1f && bytes[1] === 0x8b;

/** The bytes inside a gzip file; of a file cut short, those that are there, so that the header can say how many are missing. */
async function inflate(file: string, bytes: Uint8Array): Promise<Uint8Array> {
  try {
    return await promisify(gunzip)(bytes, { finishFlush: constants.Z_SYNC_FLUSH });
  } catch (error) {
    throw inputError(file, `its ${bytes.length} bytes are not a sound gzip file (${(error as Error).message})`, { try: 'fetching it again' }, { cause: error });
  }
}

/** Reads an IDX file of unsigned bytes with `rank` sizes (3: images, 1: labels). Every defect is an InputError that names the file. */
export async function readIdx(file: string, rank: 1 | 3, checksum: 'known' | 'any'): Promise<Idx> {
  const stored = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    throw inputError(file, error.code === 'ENOENT' ? 'there is no such file' : `it cannot be read (${error.message})`, {}, { cause: error });
  });
  const bytes = isGzip(stored) ? await inflate(file, stored) : stored;
  const what = rank === 3 ? 'images' : 'labels', header = 4 + 4 * rank, wanted = (UNSIGNED_BYTES << 8) | rank;
  const packed = bytes === stored ? '' : ' after decompression';
  if (bytes.length < header) throw inputError(file, `it has ${bytes.length} bytes${packed}; an IDX file of ${what} starts with a header of ${header}: it was cut short`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = view.getUint32(0);
  if (magic !== wanted) throw inputError(file, `it starts with ${hex(magic)}; an IDX file of ${what} starts with ${hex(wanted)}`);
  const dims = Array.from({ length: rank }, (_, i) => view.getUint32(4 + 4 * i));
  const expected = header + dims.reduce((a, b) => a * b, 1);
  if (bytes.length !== expected) {
    const why = bytes.length < expected ? 'it was cut short' : 'there is something behind its end';
    throw inputError(file, `it has ${bytes.length} bytes${packed}; ${expected} are wanted: its header says ${dims.join(' x ')} ${what}, and ${why}`, { try: 'fetching it again' });
  }
  if (checksum === 'known') requireKnown(file, stored);
  return { dims, data: bytes.subarray(header) };
}

const exists = (path: string) => stat(path).then(() => true, () => false);

/** Finds `names` (first hit wins, each with and without .gz) in a folder. */
async function find(folder: string, names: readonly string[]): Promise<string> {
  const candidates = names.flatMap((name) => [name, `${name}.gz`]).map((name) => join(folder, name));
  for (const path of candidates) if (await exists(path)) return path;
  throw inputError(folder, `none of ${candidates.map((path) => basename(path)).join(', ')} is there`, { try: 'the folder that holds the IDX files, or the path of the image file' });
}

/** The image file and the label file that `path` means: a folder with the usual names, or the image file itself beside its labels. */
export async function locate(path: string, split: 'train' | 'test'): Promise<{ readonly images: string; readonly labels: string }> {
  const there = await stat(path).catch(() => undefined);
  if (!there) throw inputError(path, 'there is no such file or folder; IDX files are wanted (train-images-idx3-ubyte and so on, raw or gzipped)', { try: '--set NODE.config.path=FOLDER' });
  if (there.isDirectory()) {
    const stem = split === 'train' ? 'train' : 't10k';
    const named = (what: string) => find(path, [`${stem}-${what}-ubyte`, `${stem}-${what.replace('-', '.')}-ubyte`]);
    return { images: await named('images-idx3'), labels: await named('labels-idx1') };
  }
  const name = basename(path).replace(/\.gz$/, '').replace('images', 'labels').replace('idx3', 'idx1');
  return { images: path, labels: await find(dirname(path), [name]) };
}

export interface Digits {
  /** Square 8-bit images, one after the other. */
  readonly pixels: Uint8Array;
  readonly labels: Uint8Array;
  readonly count: number;
  /** Rows and columns of an image. */
  readonly size: number;
}

/** Reads images and labels and checks that they belong together. */
export async function readDigits(path: string, split: 'train' | 'test', checksum: 'known' | 'any', classes: number): Promise<Digits> {
  const files = await locate(path, split);
  const [images, labels] = await Promise.all([readIdx(files.images, 3, checksum), readIdx(files.labels, 1, checksum)]);
  const [count = 0, rows = 0, columns = 0] = images.dims;
  if (rows !== columns) throw inputError(files.images, `its images are ${rows} x ${columns}; square ones are wanted`);
  if (count === 0) throw inputError(files.images, 'it holds no images');
  if (labels.data.length !== count) throw inputError(files.labels, `it has ${labels.data.length} labels; ${files.images} has ${count} images`);
  const stray = labels.data.findIndex((label) => label >= classes);
  if (stray >= 0) throw inputError(files.labels, `label ${stray} is ${labels.data[stray]}; labels below ${classes} are wanted`, { try: '"classes" in the node\'s config' });
  return { pixels: images.data, labels: labels.data, count, size: rows };
}
