/** @file What all commands share: options, output for machines and for people, and how a failure ends the program. */
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import type { Device } from '../session/host.js';
import { GantryError, type Issue } from '../spec/issue.js';

export interface SharedOptions {
  readonly json: boolean;
  readonly debug: boolean;
  readonly plugin: readonly string[];
}

/** Starts a command: its name and arguments, one sentence, examples, and the options that every command has. */
export function command(spelling: string, about: string, examples: readonly (readonly [line: string, does: string])[]): Command {
  const width = Math.max(...examples.map(([line]) => line.length));
  const [name, ...parameters] = spelling.split(' ');
  return parameters.reduce((one, parameter) => one.argument(parameter), new Command(name))
    .description(about)
    .option('--json', 'print one JSON object a line on stdout', false)
    .addOption(new Option('--debug', 'show stack traces').default(false, 'off'))
    .option('--plugin <name>', 'load a plugin: a package, or a .js or .mjs file (repeatable)', collect, [])
    .addHelpText('after', `\nExamples:\n${examples.map(([line, does]) => `  $ ${line.padEnd(width)}   ${does}`).join('\n')}`);
}

export interface DeviceOptions {
  readonly device?: Device | 'auto';
  readonly threads?: number;
}

/** Adds the options of commands that compute. */
export const device = (one: Command): Command =>
  one
    .addOption(new Option('--device <device>', 'where to compute (cpu); nothing falls back in silence').choices(['cpu', 'cuda', 'webgpu', 'auto']))
    .option('--threads <n>', 'threads of one operator (all cores)', whole(1));

/** The part of an engine's options that they are. */
export const deviceOf = ({ device: wish, threads }: DeviceOptions): DeviceOptions => ({ ...(wish && { device: wish }), ...(threads && { threads }) });

/** For repeatable options. */
export const collect = (value: string, before: readonly string[]): readonly string[] => [...before, value];

/** For options that are whole numbers of at least `least`. */
export const whole = (least: number) => (text: string): number => {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < least || text.trim() === '') throw new InvalidArgumentError(`It wants a whole number of at least ${least}.`);
  return value;
};

/** One line for machines. */
export const emit = (event: object): void => { process.stdout.write(`${JSON.stringify(event)}\n`); };
/** A line for people: on stdout, or out of the machines' way. */
export const say = (line: string, json: boolean): void => { (json ? process.stderr : process.stdout).write(`${line}\n`); };

/** An issue as machines see it. */
export const issueEvent = (where: string, issue: Issue): object => ({ type: 'issue', where, ...issue });

/** Prints what went wrong and gives the exit code. People never see a stack trace unless they ask for it. */
export function fail(error: unknown, { json, debug }: { readonly json: boolean; readonly debug: boolean }): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0;
    if (json) emit({ type: 'error', message: error.message, exitCode: 2, issues: [] });
    return 2;
  }
  const failure = error instanceof Error ? error : new Error(String(error));
  const known = failure instanceof GantryError ? failure : undefined;
  const message = known?.message ?? `${failure.name}: ${failure.message}`;
  process.stderr.write(`${debug ? failure.stack : known ? message : `${message}\n  this is a mistake in the program or a plugin; --debug shows where`}\n`);
  if (debug && failure.cause) process.stderr.write(`caused by ${failure.cause instanceof Error ? failure.cause.stack : String(failure.cause)}\n`);
  const exitCode = known?.exitCode ?? 3;
  if (json) emit({ type: 'error', message, exitCode, issues: known?.issues.map((issue) => ({ where: known.where, ...issue })) ?? [] });
  return exitCode;
}
