/** @file Samples as files: a PNG an image and one contact sheet; for points a table and a scatter plot. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { drawScatter, encodeGrid } from '../journal/picture.js';
import { elements, type TensorValue } from '../spec/value.js';

/** Images of one contact sheet at most. */
const SHEET = 1024;

/** Writes f32[N,C,H,W] in [-1,1] (C is 1 or 3) or points f32[N,2]. Gives the files' paths, the overview first. */
export async function writeSamples(folder: string, samples: TensorValue, label: TensorValue | undefined): Promise<readonly string[]> {
  return samples.dims.length === 2 ? writePoints(folder, samples, label) : writeImages(folder, samples);
}

async function writePoints(folder: string, { dims, data }: TensorValue, label: TensorValue | undefined): Promise<readonly string[]> {
  const [count = 0] = dims, labels = label?.data;
  const lines = Array.from({ length: count }, (_, i) => [data[2 * i], data[2 * i + 1], ...(labels ? [labels[i]] : [])].join(','));
  const table = join(folder, 'samples.csv'), plot = join(folder, 'samples.svg');
  await writeFile(table, `${[labels ? 'x,y,label' : 'x,y', ...lines].join('\n')}\n`);
  await writeFile(plot, await drawScatter({ kind: 'scatter', title: `${count} samples`, series: [{ name: 'samples', points: data as Float32Array }] }));
  return [plot, table];
}

async function writeImages(folder: string, { dims, data, dtype }: TensorValue): Promise<readonly string[]> {
  const [count = 0, ...size] = dims, each = elements(size), digits = String(count - 1).length;
  const part = (from: number, to: number): TensorValue => ({ dtype, dims: [to - from, ...size], data: data.slice(from * each, to * each) });
  const shown = Math.min(count, SHEET), sheet = join(folder, 'contact-sheet.png');
  await writeFile(sheet, await encodeGrid({ kind: 'images', title: `${shown} samples`, images: part(0, shown) }));
  const files = [sheet];
  for (let n = 0; n < count; n++) {
    const file = join(folder, `sample-${String(n).padStart(digits, '0')}.png`);
    await writeFile(file, await encodeGrid({ kind: 'images', title: `sample ${n}`, images: part(n, n + 1) }, 0));
    files.push(file);
  }
  return files;
}
