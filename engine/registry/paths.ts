/** @file Where things are: this package's own files, and the models that graph files call by name. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inputError } from '../spec/issue.js';
import type { KnownModel } from '../training/extractor.js';

/** The folder that holds package.json, graphs/ and models/. */
export const PACKAGE = fileURLToPath(new URL('../../../', import.meta.url));

/** Decoded images and features, beside the runs: in the folder that the command runs in, unless GANTRY_CACHE names another. */
export const CACHE_FOLDER = resolve(process.env.GANTRY_CACHE ?? '.gantry-cache');

interface Model extends KnownModel { readonly file: string; readonly sha256: string; readonly source: string; readonly licence: string }
interface Manifest { readonly search: readonly string[]; readonly models: Readonly<Record<string, Model>> }

let manifest: Manifest | undefined;
const manifestOf = (): Manifest => (manifest ??= JSON.parse(readFileSync(join(PACKAGE, 'models/manifest.json'), 'utf8')) as Manifest);
const found = new Map<string, string>();

/** What is known of models, by name: parts of kind `model`. */
export const knownModels = (): Readonly<Record<string, KnownModel>> => manifestOf().models;

/** A path of a graph file: the name of a model in models/manifest.json, or a path relative to the folder the command runs in. */
export function resolvePath(path: string): string {
  const { models, search } = manifestOf();
  const model = Object.hasOwn(models, path) ? models[path] : undefined;
  if (!model) return resolve(path);
  const file = found.get(path) ?? findModel(path, model, search.map((folder) => resolve(PACKAGE, 'models', folder)));
  found.set(path, file);
  return file;
}

function findModel(name: string, { file, sha256, source, licence }: Model, folders: readonly string[]): string {
  for (const path of folders.map((folder) => join(folder, file))) {
    if (!existsSync(path)) continue;
    const is = createHash('sha256').update(readFileSync(path)).digest('hex');
    if (is !== sha256) throw inputError(`model "${name}"`, `${path} has sha256 ${is}; ${sha256} is wanted: it is another file, or damaged`);
    return path;
  }
  throw inputError(`model "${name}"`, `its file ${file} is not here; it is wanted in one of the folders below`, {
    because: [...folders.map((folder) => `not in ${folder}`), `it comes from ${source} (${licence})`],
  });
}
