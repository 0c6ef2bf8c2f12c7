/** @file An engine for a command: the plugins of the command line and of graphs, its remarks on stderr. */
import { createEngine, type Engine, type EngineOptions } from '../registry/engine.js';
import type { SharedOptions } from './command.js';

/** `options.plugins` are those that graphs ask for. Plugins that don't load are remarked on; the others stay. */
export async function openEngine({ plugin }: Pick<SharedOptions, 'plugin'>, options: EngineOptions = {}): Promise<Engine> {
  const engine = await createEngine({ ...options, plugins: [...plugin.map((name) => ({ name, from: process.cwd() })), ...(options.plugins ?? [])] });
  for (const { says } of engine.failures) process.stderr.write(`warning: ${says}\n`);
  return engine;
}
