/** @file The plugins that graph files ask for: a graph's own, and those of a run's graph. */
import { dirname } from 'node:path';
import type { Graph } from '../dataflow/graph.js';
import { read } from '../dataflow/load.js';
import { holdsRun, layoutOf } from '../journal/run-directory.js';
import type { PluginRequest } from './discover.js';

/** The plugins that a graph asks for, relative to its file. */
export const pluginsIn = ({ graph, file }: { readonly graph: Graph; readonly file?: string | undefined }): readonly PluginRequest[] =>
  (graph.plugins ?? []).map((name) => ({ name, from: file ? dirname(file) : process.cwd() }));

/** Those of a run's directory or of a graph file; none of anything else, such as a folder of images. */
export async function pluginsAt(path: string): Promise<readonly PluginRequest[]> {
  const file = await holdsRun(path) ? layoutOf(path).graph : path.endsWith('.json') ? path : undefined;
  return file ? pluginsIn(await read(file)) : [];
}
