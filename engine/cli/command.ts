/** @file What all commands share: options, output for machines and for people, and how a failure ends the program. */
import { Command, CommanderError, Option } from 'commander';
import { GantryError, type Issue } from '../spec/issue.js';

export interface SharedOptions {
  readonly json: boolean;
  readonly debug: boolean;
  readonly plugin: readonly string[];
}

/** Starts a command: its name and arguments, one sentence, examples, and the options that every command has. */
export function command(spelling: string, about: string, examples: readonly (readonly [line: string, does: string])[]): Command {
  const width = Math.max(...examples.map(([line]) => line.length));
  return new Command(spelling.split(' ')[0])
    .arguments(spelling.split(' ').slice(1).join(' '))
    .description(about)
    .option('--json', 'print one JSON object a line on stdout', false)
    .addOption(new Option('--debug', 'show stack traces').default(false, 'off'))
    .option('--plugin <name>', 'load a plugin: a package, or a .js or .mjs file (repeatable)', collect, [])
    .addHelpText('after', `\nExamples:\n${examples.map(([line, does]) => `  $ ${line.padEnd(width)}   ${does}`).join('\n')}`);
}

/** For repeatable options. */
export const collect = (value: string, before: readonly string[]): readonly string[] => [...before, value];

/** For options that are whole numbers of at least `least`. */
export const whole = (least: number) => (text: string): number => {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < least || text.trim() === '') throw new CommanderError(2, 'gantry.number', `"${text}" is not a whole number of at least ${least}`);
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
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  const failure = error instanceof Error ? error : new Error(String(error));
  const known = failure instanceof GantryError ? failure : undefined;
  const message = known?.message ?? `${failure.name}: ${failure.message}`;
  process.stderr.write(`${debug ? failure.stack : known ? message : `${message}\n  this is a mistake in the program or a plugin; --debug shows where`}\n`);
  if (debug && failure.cause) process.stderr.write(`caused by ${failure.cause instanceof Error ? failure.cause.stack : String(failure.cause)}\n`);
  const exitCode = known?.exitCode ?? 3;
  if (json) emit({ type: 'error', message, exitCode, issues: known?.issues.map((issue) => ({ where: known.where, ...issue })) ?? [] });
  return exitCode;
}
