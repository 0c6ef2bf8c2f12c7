/** @file Finds and loads plugins: the built-in ones, npm packages that carry a `gantry` key, and local files. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { inputError } from '../spec/issue.js';
import { list, near } from '../spec/near.js';
import type { Plugin } from './plugin.js';

/** A plugin that did not load. The others stay. */
export interface PluginFailure {
  readonly plugin: string;
  readonly says: string;
}

/** A plugin as someone asked for it: a package's name, a file, or a built-in's name; `from` is the folder that files are relative to. */
export interface PluginRequest {
  readonly name: string;
  readonly from: string;
}

const BUILT_IN = fileURLToPath(new URL('../../plugins/', import.meta.url));

/** Names of the plugins that come with this package. */
export const builtInNames = (): readonly string[] =>
  existsSync(BUILT_IN) ? readdirSync(BUILT_IN).filter((name) => existsSync(join(BUILT_IN, name, 'index.js'))).sort() : [];

/** Whether a plugin is named by its file. */
export const isFile = (name: string): boolean => /^\.{0,2}\//.test(name) || isAbsolute(name) || /\.m?js$/.test(name);

/** The file that holds a plugin. Throws an InputError that says where it looked. */
export function findPlugin({ name, from }: PluginRequest): string {
  if (isFile(name)) {
    const file = resolve(from, name);
    if (!existsSync(file)) throw inputError(`plugin "${name}"`, `there is no file ${file}`);
    return file;
  }
  if (builtInNames().includes(name)) return join(BUILT_IN, name, 'index.js');
  for (const folder of ancestors(from)) {
    const home = join(folder, 'node_modules', name), description = join(home, 'package.json');
    if (existsSync(description)) return entryOf(name, home, description);
  }
  const meant = near(name, builtInNames());
  throw inputError(`plugin "${name}"`, 'no such plugin: neither a built-in, nor a package in a node_modules folder here or above', {
    because: [`the search began in ${from}`],
    try: meant ? `"${meant}"` : `npm install ${name}, or ./${name}.js for a local file`,
  });
}

/** The plugin's file that a package names: `"gantry": "./plugin.js"` or `"gantry": { "plugin": "./plugin.js" }`. */
function entryOf(name: string, home: string, description: string): string {
  const where = `plugin "${name}"`;
  let content: { readonly gantry?: string | { readonly plugin?: string } };
  try {
    content = JSON.parse(readFileSync(description, 'utf8'));
  } catch (error) {
    throw inputError(where, `${description} is not JSON: ${(error as Error).message}`);
  }
  const entry = typeof content.gantry === 'object' ? content.gantry?.plugin : content.gantry;
  if (typeof entry !== 'string') {
    throw inputError(where, `the package carries no "gantry" key; its package.json wants one that names the plugin's file`, {
      because: [`${description} is what was read`], try: '"gantry": "./plugin.js" there',
    });
  }
  const file = resolve(home, entry);
  if (!existsSync(file)) throw inputError(where, `its package.json names ${entry}, and there is no such file in ${home}`);
  return file;
}

function* ancestors(folder: string): Generator<string> {
  for (let at = resolve(folder); ; at = dirname(at)) {
    yield at;
    if (at === dirname(at)) return;
  }
}

/** Loads one plugin. Throws an InputError that says why it cannot. */
export async function loadPlugin(request: PluginRequest): Promise<Plugin> {
  const file = findPlugin(request), where = `plugin "${request.name}"`;
  let exported: unknown;
  try {
    ({ default: exported } = (await import(pathToFileURL(file).href)) as { readonly default?: unknown });
  } catch (error) {
    throw inputError(where, `it fails to load: ${reason(error)}`, { because: [`${file} is its file`] }, { cause: error });
  }
  if (!isPlugin(exported)) {
    throw inputError(where, 'its default export is no plugin; it wants `export default definePlugin({ name, … })`', { because: [`${file} is its file`] });
  }
  return exported;
}

const isPlugin = (value: unknown): value is Plugin => {
  const plugin = value as Partial<Plugin> | null | undefined;
  return typeof plugin?.load === 'function' && typeof plugin.parts?.name === 'string';
};

const reason = (error: unknown): string => (error instanceof Error ? `${error.name}: ${error.message}`.split('\n')[0]! : String(error));

/**
 * Loads every request, each once, then drops those whose requirements are not there. Nothing throws: what went wrong is in `failures`,
 * and the others stay. `modules` are plugins that are loaded already.
 */
export async function loadPlugins(requests: readonly PluginRequest[], modules: readonly Plugin[] = []): Promise<{ plugins: Plugin[]; failures: PluginFailure[] }> {
  const failures: PluginFailure[] = [];
  const loaded = new Set<Plugin>();
  // One after the other: they share most of what they import, and Jest's loader stumbles over concurrent imports of one module.
  for (const request of requests) {
    await loadPlugin(request).then((plugin) => loaded.add(plugin), (error: Error) => failures.push({ plugin: request.name, says: error.message }));
  }
  let plugins = [...loaded, ...modules];
  for (let dropped = true; dropped; ) {
    const names = new Set(plugins.map((plugin) => plugin.parts.name));
    const absentOf = ({ parts }: Plugin) => parts.requires?.filter((name) => !names.has(name)) ?? [];
    for (const plugin of plugins) {
      const absent = absentOf(plugin), { name } = plugin.parts;
      if (absent.length) failures.push({ plugin: name, says: inputError(`plugin "${name}"`, `it requires ${list(absent)}, which did not load`).message });
    }
    const complete = plugins.filter((plugin) => !absentOf(plugin).length);
    dropped = complete.length < plugins.length;
    plugins = complete;
  }
  return { plugins, failures };
}
