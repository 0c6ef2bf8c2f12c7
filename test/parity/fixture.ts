/** @file A folder of fixtures: arrays and a manifest each. What kind one is, and how it is checked, is a module under kinds/. */
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { SessionHost } from '../../engine/session/host.js';
import { inputError } from '../../engine/spec/issue.js';
import { readNpz, type NpyArray } from './npz.js';

export interface Manifest {
  readonly name: string;
  readonly source: string;
  readonly config: Readonly<Record<string, any>>; // the manifests' own, free in form
  readonly scalars: Readonly<Record<string, any>>; // likewise
  readonly tensors: readonly { readonly key: string; readonly max_abs?: number; readonly f32_run_max_abs_diff?: number }[];
}

export interface Fixture {
  readonly manifest: Manifest;
  readonly arrays: ReadonlyMap<string, NpyArray>;
}

/** One line of the report: the worst error in a group of tensors, as a multiple of what is tolerated. */
export interface Group { readonly group: string; readonly worst: number; readonly tolerance: number; readonly pass: boolean }

/** How fixtures of one kind are recognised and checked. */
export interface Kind {
  readonly name: string;
  matches(fixture: Fixture): boolean;
  check(fixture: Fixture, host: SessionHost): Promise<readonly Group[]>;
}

/** The fixtures of a folder by name: every `NAME.json` beside a `NAME.npz`. */
export async function fixtureNames(folder: string): Promise<string[]> {
  const files = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    throw inputError(folder, error.code === 'ENOENT' ? 'there is no such folder' : error.message);
  });
  return files.filter((file) => file.endsWith('.json')).map((file) => file.slice(0, -5)).sort();
}

export async function readFixture(folder: string, name: string): Promise<Fixture> {
  const file = path.join(folder, `${name}.json`);
  const text = await readFile(file, 'utf8').catch(() => {
    throw inputError(file, 'there is no such fixture');
  });
  let manifest: Manifest;
  try { manifest = JSON.parse(text) as Manifest; } catch (error) { throw inputError(file, `it is no JSON: ${(error as Error).message}`); }
  return { manifest, arrays: await readNpz(path.join(folder, `${name}.npz`)) };
}
