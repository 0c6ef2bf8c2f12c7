#!/usr/bin/env node
/** @file The command line: wires one file a command. */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { fail } from './command.js';
import { checkCommand } from './check.js';
import { dataCommand } from './data.js';
import { diversityCommand } from './diversity.js';
import { doctorCommand } from './doctor.js';
import { evaluateCommand } from './evaluate.js';
import { nodesCommand } from './nodes.js';
import { reproduceCommand } from './reproduce.js';
import { runCommand } from './run.js';
import { sampleCommand } from './sample.js';
import { schemaCommand } from './schema.js';
import { showCommand } from './show.js';

// A reader that closes its end early (`gantry nodes | head`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 3));

const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as { readonly version: string };
const program = new Command('gantry')
  .description('Typed dataflow graphs for GANs: compose, check, train.')
  .version(version)
  .showSuggestionAfterError()
  .addHelpText('after', '\nStart with:\n  $ gantry run graphs/self-conditioned-gan/grid.json');
for (const command of [runCommand(), checkCommand(), showCommand(), nodesCommand(), sampleCommand(), evaluateCommand(), diversityCommand(), reproduceCommand(), dataCommand(), doctorCommand(), schemaCommand()]) program.addCommand(command);
for (const command of [program, ...program.commands, ...program.commands.flatMap(({ commands }) => commands)]) command.exitOverride();

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = fail(error, { json: process.argv.includes('--json'), debug: process.argv.includes('--debug') });
}
