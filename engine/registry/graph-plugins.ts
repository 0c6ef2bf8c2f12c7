/** @file Graph files by the paths that people give, and the plugins that they ask for: a graph's own, and those of a run's graph. */
import { dirname } from 'node:path';
import type { Graph } from '../dataflow/graph.js';
import { read } from '../dataflow/load.js';
import { holdsRun, layoutOf } from '../journal/run-directory.js';
import type { PluginRequest } from './discover.js';

/** The plugins that a graph asks for, relative to its file. */
export const pluginsIn = ({ graph, file }: { readonly graph: Graph; readonly file?: string | undefined }): readonly PluginRequest[] =>
  (graph.plugins ?? []).map((name) => ({ name, from: file ? dirname(file) : process.cwd() }));

/** The graph file that a path means: that of a run's directory, or itself; none of anything else, such as a folder of images. */
export const graphFileAt = async (path: string): Promise<string | undefined> => (await holdsRun(path) ? layoutOf(path).graph : path.endsWith('.json') ? path : undefined);

/** The plugins that the graph of such a path asks for. */
export async function pluginsAt(path: string): Promise<readonly PluginRequest[]> {
  const file = await graphFileAt(path);
  return file ? pluginsIn(await read(file)) : [];
}
