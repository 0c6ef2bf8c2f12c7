/** @file An engine for a command: the plugins of the command line and of the graph, its remarks on stderr. */
import { dirname } from 'node:path';
import { createEngine, type Engine, type EngineOptions } from '../registry/engine.js';
import type { SharedOptions } from './command.js';
import { openDoor } from './door.js';

/** `graph` names the plugins that a graph file asks for, relative to that file. Plugins that don't load are remarked on; the others stay. */
export async function openEngine(
  { plugin }: Pick<SharedOptions, 'plugin'>, graph: { readonly file?: string; readonly plugins?: readonly string[] } = {}, options: EngineOptions = {},
): Promise<Engine> {
  const here = process.cwd(), there = graph.file ? dirname(graph.file) : here;
  const plugins = [...plugin.map((name) => ({ name, from: here })), ...(graph.plugins ?? []).map((name) => ({ name, from: there }))];
  if (plugins.length) openDoor();
  const engine = await createEngine({ ...options, plugins });
  for (const { says } of engine.failures) process.stderr.write(`warning: ${says}\n`);
  return engine;
}
