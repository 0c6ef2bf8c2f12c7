/** @file 8-bit images in memory: resized once, turned into numbers in [-1,1] batch by batch. */
import { setImmediate as pause } from 'node:timers/promises';
import { tensor, type TensorValue } from '../../engine/index.js';
import { createResize } from './resize.js';

/** Elements handled before other work gets its turn: a few milliseconds. */
const SLICE = 1 << 20;

/** Square images at another resolution. `progress` hears how many are done. */
export async function resizeAll(pixels: Uint8Array, count: number, from: number, to: number, progress: (done: number) => void): Promise<Uint8Array> {
  if (from === to) return pixels;
  const resize = createResize(from, to), out = new Uint8Array(count * to * to);
  const slice = Math.max(1, Math.floor(SLICE / 4 / (to * to)));
  for (let i = 0; i < count; i++) {
    resize(pixels, i, out, i);
    if (i % slice === slice - 1) {
      progress(i + 1);
      await pause();
    }
  }
  return out;
}

const UNIT = Float32Array.from({ length: 256 }, (_, byte) => byte / 127.5 - 1);

/** The planes at these indices as f32[dims] in [-1,1], every plane R x R. Long reads give way to other work. */
export async function gatherPlanes(pixels: Uint8Array, planes: Int32Array, size: number, dims: readonly number[]): Promise<TensorValue> {
  const plane = size * size, out = new Float32Array(planes.length * plane);
  const slice = Math.max(1, Math.floor(SLICE / plane));
  for (let i = 0; i < planes.length; i++) {
    const at = planes[i]! * plane, to = i * plane;
    for (let j = 0; j < plane; j++) out[to + j] = UNIT[pixels[at + j]!]!;
    if (i % slice === slice - 1) await pause();
  }
  return tensor('f32', dims, out);
}
