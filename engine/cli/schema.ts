/** @file `gantry schema`: the JSON Schema of graph files, for completion in any editor. */
import type { Command } from 'commander';
import { command, type SharedOptions } from './command.js';
import { openEngine } from './open-engine.js';

export const schemaCommand = (): Command =>
  command('schema', 'Print the JSON Schema of graph files, with the node types at hand.', [
    ['gantry schema > graphs/graph.schema.json', 'keep it beside the graphs, and name it in "$schema"'],
    ['gantry schema --plugin ./my-plugin.mjs > my.schema.json', 'with the node types of a plugin'],
  ]).action(async (options: SharedOptions) => {
    const engine = await openEngine(options);
    const { graphSchema } = await import('../dataflow/schema.js');
    process.stdout.write(`${JSON.stringify(graphSchema(engine.types), null, options.json ? undefined : 2)}\n`);
  });
