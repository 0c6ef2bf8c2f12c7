/** @file A folder of fixtures: arrays and a manifest each. What kind one is, and how it is checked, is a module under kinds/. */
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { openSafetensors } from '../../engine/journal/safetensors.js';
import type { SessionHost } from '../../engine/session/host.js';
import { inputError } from '../../engine/spec/issue.js';
import { readNpz, type NpyArray } from './npz.js';

export interface Manifest {
  readonly name: string;
  /** What kind of check the fixture is for, where its manifest says so. */
  readonly kind?: string;
  /** What the values were computed with. */
  readonly source: string;
  readonly config: Readonly<Record<string, any>>; // the manifests' own, free in form
  /** Of the float64 run, where the manifest has both. */
  readonly scalars: Readonly<Record<string, any>>; // likewise
  readonly tensors: readonly { readonly key: string; readonly max_abs?: number; readonly f32_run_max_abs_diff?: number }[];
}

export interface Fixture {
  readonly manifest: Manifest;
  readonly arrays: ReadonlyMap<string, NpyArray>;
}

/** One line of the report: the worst error in a group of tensors, as a multiple of what is tolerated. */
export interface Group { readonly group: string; readonly worst: number; readonly tolerance: number; readonly pass: boolean }
/** Tensors that this version does not claim, and why: neither passed nor failed. */
export interface Unchecked { readonly unchecked: string; readonly because: string }

/** How fixtures of one kind are recognised and checked. */
export interface Kind {
  readonly name: string;
  matches(fixture: Fixture): boolean;
  check(fixture: Fixture, host: SessionHost): Promise<readonly (Group | Unchecked)[]>;
}

/** The fixtures of a folder by name: every `NAME.json`, beside a `NAME.npz` or a `NAME.safetensors`. Sub-folders hold other things. */
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
  let written: WrittenManifest;
  try { written = JSON.parse(text) as WrittenManifest; } catch (error) { throw inputError(file, `it is no JSON: ${(error as Error).message}`); }
  const arrays = path.join(folder, name);
  return { manifest: manifestOf(written), arrays: existsSync(`${arrays}.safetensors`) ? await readTensors(`${arrays}.safetensors`) : await readNpz(`${arrays}.npz`) };
}

/** Manifests beside .npz files list tensors; those beside .safetensors files have them by key, under other names, and scalars of two precisions. */
type WrittenManifest = Omit<Manifest, 'tensors'> & {
  readonly reference?: string;
  readonly scalars_fp64?: Manifest['scalars'];
  readonly tensors: Manifest['tensors'] | Keyed;
};
type Keyed = Readonly<Record<string, { readonly absmax?: number; readonly fp32_maxerr?: number }>>;
const isKeyed = (tensors: Manifest['tensors'] | Keyed): tensors is Keyed => !Array.isArray(tensors);

function manifestOf({ reference, scalars_fp64, ...written }: WrittenManifest): Manifest {
  const { tensors, source = reference ?? '', config = {}, scalars = scalars_fp64 ?? {} } = written;
  return {
    ...written, source, config, scalars,
    tensors: !isKeyed(tensors) ? tensors : Object.entries(tensors).map(([key, { absmax, fp32_maxerr }]) => ({
      key, ...(absmax !== undefined && { max_abs: absmax }), ...(fp32_maxerr !== undefined && { f32_run_max_abs_diff: fp32_maxerr }),
    })),
  };
}

async function readTensors(file: string): Promise<Fixture['arrays']> {
  const opened = await openSafetensors(file);
  try {
    const arrays = new Map<string, NpyArray>();
    for (const key of opened.tensors.keys()) arrays.set(key, await opened.read(key));
    return arrays;
  } finally { await opened.close(); }
}
