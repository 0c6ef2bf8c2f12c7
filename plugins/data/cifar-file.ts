/** @file CIFAR's binary batches (Krizhevsky 2009): records of one label byte (CIFAR-100: coarse, then fine) and 32 x 32 bytes each of red, green and blue. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as pause } from 'node:timers/promises';
import { inputError } from '../../engine/index.js';

export const SIDE = 32;
export const IMAGE_BYTES = 3 * SIDE * SIDE;
/** Records read before other work gets its turn. */
const RECORDS = 4096;

interface Variant {
  readonly classes: number;
  /** Label bytes before an image, and which of them counts. */
  readonly labels: number;
  readonly label: number;
  readonly names: string;
  readonly files: Readonly<Record<'train' | 'test', readonly string[]>>;
}
const HUNDRED = { labels: 2, files: { train: ['train.bin'], test: ['test.bin'] } } as const;
const VARIANTS = {
  'cifar-10': { classes: 10, labels: 1, label: 0, names: 'batches.meta.txt', files: { train: [1, 2, 3, 4, 5].map((n) => `data_batch_${n}.bin`), test: ['test_batch.bin'] } },
  'cifar-100': { classes: 100, label: 1, names: 'fine_label_names.txt', ...HUNDRED },
  'cifar-100-coarse': { classes: 20, label: 0, names: 'coarse_label_names.txt', ...HUNDRED },
} as const satisfies Record<string, Variant>;
export type CifarSet = keyof typeof VARIANTS;
export const CIFAR_SETS = Object.keys(VARIANTS) as [CifarSet, ...CifarSet[]];
export const classesOf = (set: CifarSet): number => VARIANTS[set].classes;

export interface Batch { readonly name: string; readonly path: string; readonly images: number }

/** The batches that are there, found and measured without reading them. Throws an InputError if there are none, or for one that is no whole number of records. */
export async function findBatches(folder: string, set: CifarSet, split: 'train' | 'test'): Promise<Batch[]> {
  const { files, labels }: Variant = VARIANTS[set], record = labels + IMAGE_BYTES, batches: Batch[] = [];
  for (const name of files[split]) {
    const path = join(folder, name), entry = await stat(path).catch(() => undefined);
    if (!entry) continue;
    if (entry.size === 0 || entry.size % record) throw inputError(path, `it has ${entry.size} bytes, no whole number of records of ${record}: it was cut short, or is not of ${set}`, { try: 'fetching it again' });
    batches.push({ name, path, images: entry.size / record });
  }
  if (!batches.length) throw inputError(folder, `none of ${files[split].join(', ')} is there: they are the ${split} batches of ${set}`, { try: 'the folder of the binary version, unpacked; "set" and "split" in the node\'s config' });
  return batches;
}

export interface CifarImages {
  /** Planes of 32 x 32: red, green and blue of the first image, and so on. */
  readonly pixels: Uint8Array;
  readonly labels: Int32Array;
  readonly classNames?: readonly string[];
}

/** Reads batches one after the other. Throws an InputError for a label that is no class. */
export async function readBatches(folder: string, set: CifarSet, batches: readonly Batch[]): Promise<CifarImages> {
  const variant: Variant = VARIANTS[set], record = variant.labels + IMAGE_BYTES, total = batches.reduce((sum, { images }) => sum + images, 0);
  const pixels = new Uint8Array(total * IMAGE_BYTES), labels = new Int32Array(total);
  let at = 0;
  for (const { path, images } of batches) {
    const bytes = await readFile(path);
    if (bytes.length !== images * record) throw inputError(path, 'it changed while it was read');
    for (let i = 0; i < images; i++, at++) {
      const label = bytes[i * record + variant.label]!;
      if (label >= variant.classes) throw inputError(path, `record ${i} has label ${label}; ${set} has ${variant.classes} classes`, { try: '"set" in the node\'s config, or fetching the file again' });
      labels[at] = label;
      if (i % RECORDS === RECORDS - 1) await pause();
      pixels.set(bytes.subarray(i * record + variant.labels, (i + 1) * record), at * IMAGE_BYTES);
    }
  }
  const classNames = await readNames(join(folder, variant.names), variant.classes);
  return { pixels, labels, ...(classNames && { classNames }) };
}

/** One name a line, if the file is there. */
async function readNames(path: string, classes: number): Promise<readonly string[] | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  const names = text?.split('\n').map((line) => line.trim()).filter(Boolean);
  if (names && names.length !== classes) throw inputError(path, `it names ${names.length} classes; there are ${classes}`);
  return names;
}
