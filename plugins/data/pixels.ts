/** @file 8-bit images in memory: resized once, turned into numbers in [-1,1] batch by batch. */
import { setImmediate as pause } from 'node:timers/promises';
import { tensor, type TensorValue } from '../../engine/index.js';
import { createResize, planar } from './resize.js';

/** Elements handled before other work gets its turn: a few milliseconds. */
const SLICE = 1 << 20;

/** Square images at another resolution. `progress` hears how many are done. */
export async function resizeAll(pixels: Uint8Array, count: number, from: number, to: number, progress: (done: number) => void): Promise<Uint8Array> {
  if (from === to) return pixels;
  const before = { width: from, height: from }, after = { width: to, height: to };
  const resize = createResize(before, after, 1, 'bilinear'), out = new Uint8Array(count * to * to);
  const slice = Math.max(1, Math.floor(SLICE / 4 / (to * to)));
  for (let i = 0; i < count; i++) {
    for (const _ of resize(planar(pixels, before, i), planar(out, after, i))) await pause();
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
    toUnit(pixels, planes[i]! * plane, out, i * plane, plane);
    if (i % slice === slice - 1) await pause();
  }
  return tensor('f32', dims, out);
}

/** `count` bytes as numbers in [-1,1]: 0 is -1, 255 is 1. */
export function toUnit(bytes: Uint8Array, from: number, out: Float32Array, to: number, count: number): void {
  for (let j = 0; j < count; j++) out[to + j] = UNIT[bytes[from + j]!]!;
}
