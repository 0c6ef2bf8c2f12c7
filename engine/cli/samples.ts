/** @file Samples as files: a PNG an image and one contact sheet; for points a table and a scatter plot. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encodePicture } from '../journal/picture.js';
import { elements, type TensorValue } from '../spec/value.js';

/** Images of one contact sheet at most. */
const SHEET = 1024;

/** Writes f32[N,C,H,W] in [-1,1] (C is 1 or 3) or points f32[N,2]. Gives the files' paths, the overview first. */
export async function writeSamples(folder: string, samples: TensorValue, condition: TensorValue | undefined): Promise<readonly string[]> {
  return samples.dims.length === 2 ? writePoints(folder, samples, condition) : writeImages(folder, samples);
}

async function writePoints(folder: string, { dims, data }: TensorValue, condition: TensorValue | undefined): Promise<readonly string[]> {
  const [count = 0] = dims, labels = condition?.dtype === 'i64' ? condition.data : undefined;
  const lines = Array.from({ length: count }, (_, i) => [data[2 * i], data[2 * i + 1], ...(labels ? [labels[i]] : [])].join(','));
  const table = join(folder, 'samples.csv'), plot = join(folder, 'samples.svg');
  await writeFile(table, `${[labels ? 'x,y,label' : 'x,y', ...lines].join('\n')}\n`);
  const { bytes } = await encodePicture({ kind: 'scatter', title: `${count} samples`, series: [{ name: 'samples', points: data as Float32Array }] });
  await writeFile(plot, bytes);
  return [plot, table];
}

async function writeImages(folder: string, { dims, data, dtype }: TensorValue): Promise<readonly string[]> {
  const { encode } = await import('fast-png');
  const [count = 0, channels = 1, height = 0, width = 0] = dims, each = elements(dims.slice(1)), digits = String(count - 1).length;
  const shown = Math.min(count, SHEET), sheet = join(folder, 'contact-sheet.png');
  const { bytes } = await encodePicture({ kind: 'images', title: `${shown} samples`, images: { dtype, dims: [shown, ...dims.slice(1)], data: data.slice(0, shown * each) } });
  await writeFile(sheet, bytes);
  const files = [sheet];
  for (let n = 0; n < count; n++) {
    const pixels = new Uint8ClampedArray(each), area = height * width;
    for (let c = 0; c < channels; c++) {
      for (let i = 0; i < area; i++) pixels[i * channels + c] = (Number(data[n * each + c * area + i]) + 1) * 127.5;
    }
    const file = join(folder, `sample-${String(n).padStart(digits, '0')}.png`);
    await writeFile(file, encode({ width, height, channels: channels as 1 | 3, data: pixels }));
    files.push(file);
  }
  return files;
}
