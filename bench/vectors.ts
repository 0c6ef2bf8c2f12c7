/** @file Feature vectors to search and to cluster: clusters with a few directions in common and noise, cut at zero as networks' features are, of length 1. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { keyedRandom } from '../engine/session/keyed-random.js';
import { tensor, transient } from '../engine/spec/value.js';
import type { Features } from '../engine/training/values.js';

const CLUSTERS = 200, DIRECTIONS = 40;

export function vectors(size: number, width: number): Float32Array {
  const random = (name: string) => keyedRandom(1, 'bench', 0, name);
  const centre = random('centres').normal(CLUSTERS * width), direction = random('directions').normal(DIRECTIONS * width), which = random('which').integers(size, CLUSTERS);
  const noise = random('noise').normal(size * width), along = random('along').normal(size * DIRECTIONS), row = new Float64Array(width);
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < width; j++) row[j] = 0.7 * centre[which[i]! * width + j]! + 0.5 * noise[i * width + j]!;
    for (let d = 0; d < DIRECTIONS; d++) for (let j = 0; j < width; j++) row[j]! += 0.16 * along[i * DIRECTIONS + d]! * direction[d * width + j]!;
    let square = 0;
    for (let j = 0; j < width; j++) square += Math.max(0, row[j]!) ** 2;
    for (let j = 0; j < width; j++) noise[i * width + j] = Math.max(0, row[j]!) / Math.sqrt(square);
  }
  return noise;
}

export const featuresOf = (data: Float32Array, width: number): Features => ({
  [transient]: true, key: 'bench', size: data.length / width, width, normalised: true, labels: new Int32Array(data.length / width), classes: 1, flips: false,
  read(indices) {
    const rows = new Float32Array(indices.length * width);
    indices.forEach((from, to) => { rows.set(data.subarray(from * width, (from + 1) * width), to * width); });
    return tensor('f32', [indices.length, width], rows);
  },
});

/** The same rows in a file, for a peer, for the time of `body`. */
export async function withFile<T>(data: Float32Array, body: (file: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(path.join(tmpdir(), 'gantry-bench-')), file = path.join(folder, 'rows.f32');
  try {
    await writeFile(file, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    return await body(file);
  } finally { await rm(folder, { recursive: true, force: true }); }
}
