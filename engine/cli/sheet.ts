/** @file A contact sheet that fills as its images are made, and single images, as PNG files. */
import { join } from 'node:path';
import { writeAtomically } from '../journal/atomic.js';
import { encodeGrid } from '../journal/picture.js';
import { elements, tensor, type TensorValue } from '../spec/value.js';

/** Images, and elements of them, that a sheet shows at most; and columns. */
const TILES = 1024, ELEMENTS = 1 << 26, COLUMNS = 64;
/** A place without an image: the shade of the gutters. */
const EMPTY = 40 / 127.5 - 1;

export interface Sheet {
  /** Whether rows of that index are shown. */
  shows(row: number): boolean;
  /** Puts image `from` of `images` there; places beyond the sheet are passed over. */
  put(row: number, column: number, images: TensorValue, from: number): void;
  write(): Promise<string>;
}

/** A sheet of images of `size` (C, H, W), of which the first `apart` columns are set apart; the first rows and columns of it, where there are too many to look at. */
export function createSheet(folder: string, name: string, title: string, { size, rows, columns, apart = 0 }: { readonly size: readonly number[]; readonly rows: number; readonly columns: number; readonly apart?: number }): Sheet {
  const each = elements(size), across = Math.min(columns, COLUMNS), down = Math.min(rows, Math.max(1, Math.floor(Math.min(TILES, ELEMENTS / each) / across)));
  const data = new Float32Array(down * across * each).fill(EMPTY), part = down < rows || across < columns ? ` (${down} of ${rows} rows, ${across} of ${columns} columns)` : '';
  return {
    shows: (row) => row < down,
    put(row, column, images, from) {
      if (row < down && column < across) data.set((images.data as Float32Array).subarray(from * each, (from + 1) * each), (row * across + column) * each);
    },
    async write() {
      const file = join(folder, `${name}.png`);
      await writeAtomically(file, await encodeGrid({ kind: 'images', title: title + part, columns: across, apart, images: tensor('f32', [down * across, ...size], data) }));
      return file;
    },
  };
}

/** Image `from` of `images` as a file of its own. */
export async function writeImage(file: string, title: string, { dims, data }: TensorValue, from: number): Promise<void> {
  const size = dims.slice(1), each = elements(size);
  await writeAtomically(file, await encodeGrid({ kind: 'images', title, images: tensor('f32', [1, ...size], (data as Float32Array).subarray(from * each, (from + 1) * each)) }, 0));
}
