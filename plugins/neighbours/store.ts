/** @file Neighbour lists on the disk, found again by the vectors they are of and how they were sought. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { exists, openSafetensors, whileClaimed, writeSafetensors, writeShared, type Features, type Services, type TensorValue, type WaveContext } from '../../engine/index.js';
import type { Lists } from './distances.js';

/** How lists were sought. Equal vectors and equal searches, equal lists. */
export type Search = Readonly<Record<string, string | number>>;

/** manifest.json: what a folder holds. Where lists are, it is written last: without it they are not whole. */
interface Manifest {
  readonly version: 1;
  readonly features: string;
  readonly size: number;
  readonly width: number;
  readonly search: Search;
  /** What was measured when lists were made. */
  readonly measured?: Measured;
}
type Measured = Readonly<Record<string, number>>;
export interface Found extends Lists { readonly measured: Measured }

const MANIFEST = 'manifest.json', LISTS = 'neighbours.safetensors';

export const folderOf = ({ cache }: Services, { key }: Features, search: Search): string =>
  join(cache, 'neighbours', createHash('sha256').update(JSON.stringify([1, key, search])).digest('hex').slice(0, 32));

/** The lists of a folder, or nothing if they are not whole. */
export async function readLists(folder: string, { size }: Features, k: number): Promise<Found | undefined> {
  const text = await readFile(join(folder, MANIFEST), 'utf8').catch(() => undefined), path = join(folder, LISTS);
  if (text === undefined || !(await exists(path))) return undefined;
  const { measured = {} } = JSON.parse(text) as Manifest, file = await openSafetensors(path);
  try {
    const read = async (name: string) => (await file.read(name)).data;
    const index = (await read('index')) as Int32Array, distance = (await read('distance')) as Float32Array;
    return index.length === size * k && distance.length === size * k ? { k, index, distance, measured } : undefined;
  } finally { await file.close(); }
}

export async function writeLists(folder: string, features: Features, search: Search, { k, index, distance, measured }: Found): Promise<void> {
  const dims = [features.size, k], named = (name: string, dtype: 'i32' | 'f32', data: Int32Array | Float32Array) => ({ name, dtype, dims, data: (): TensorValue => ({ dtype, dims, data }) });
  await writeShared(join(folder, LISTS), async (file) => { await writeSafetensors(file, [named('index', 'i32', index), named('distance', 'f32', distance)]); });
  await writeManifest(folder, features, search, measured);
}

export async function writeManifest(folder: string, { key, size, width }: Features, search: Search, measured?: Measured): Promise<void> {
  const manifest: Manifest = { version: 1, features: key, size, width, search, ...(measured && { measured }) };
  await writeShared(join(folder, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** Makes a folder of the store and does what has to be done there while no other process does. */
export const alone = <T>(folder: string, { node, services, signal }: Pick<WaveContext, 'node' | 'services' | 'signal'>, body: () => Promise<T>): Promise<T> =>
  whileClaimed(folder, ({ pid, host, file }) => services.note(`${node}: process ${pid} on ${host} seeks the same neighbours: waits for it; if it is gone, delete ${file}`), signal, body);
