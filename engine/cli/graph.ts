/** @file What commands that take a graph file share: its options, and the engine with the plugins that it asks for. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { read } from '../dataflow/load.js';
import type { Engine, EngineOptions, Loaded } from '../registry/engine.js';
import { pluginsIn } from '../registry/graph-plugins.js';
import { PACKAGE } from '../registry/paths.js';
import { collect, type SharedOptions } from './command.js';
import { openEngine } from './open-engine.js';

export interface GraphOptions extends SharedOptions { readonly set: readonly string[] }

/** Adds the options of commands that read a graph file. */
export const graph = (one: Command): Command =>
  one.option('--set <node.config.key=value>', 'change a setting of the graph (repeatable); values are JSON or text', collect, []);

/** Reads a graph file and opens the engine that it needs. */
export async function openGraph(file: string, options: GraphOptions, more: EngineOptions = {}): Promise<{ readonly loaded: Loaded; readonly engine: Engine }> {
  const loaded = await read(locate(file), options.set);
  return { loaded, engine: await openEngine(options, { ...more, plugins: pluginsIn(loaded) }) };
}

/** The graphs of this package are at hand everywhere, as `graphs/…`. */
function locate(file: string): string {
  const ours = join(PACKAGE, file);
  return !existsSync(file) && file.startsWith('graphs/') && existsSync(ours) ? ours : file;
}
