/** @file The names under which things are bound in the container. Symbols of the global registry, so that two copies of this package agree. */
import type { ServiceIdentifier } from 'inversify';
import type { SessionHost } from '../session/host.js';

/** What time it is, for people: logs and estimates. Nothing that a checkpoint holds depends on it. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
}

/** Where remarks and progress go. */
export interface Console {
  note(message: string): void;
  progress(what: string, done: number, total: number): void;
}

/** One thing that a plugin contributes: a node type, a backbone, … under its kind and name. */
export interface Part<T = unknown> {
  readonly plugin: string;
  readonly kind: string;
  readonly name: string;
  readonly value: T;
}

const token = <T>(name: string): ServiceIdentifier<T> => Symbol.for(`gantry.${name}`);

/** Many bindings a kind; kinds are `node`, `method`, `backbone`, `encoder`, `optimiser`, `table` and whatever plugins invent. */
export const partToken = <T>(kind: string): ServiceIdentifier<Part<T>> => token(`part.${kind}`);
/** The session host; starts when it is first asked for. */
export const HOST = token<SessionHost>('host');
export const CLOCK = token<Clock>('clock');
export const CONSOLE = token<Console>('console');
/** The folder of what can be computed again. */
export const CACHE = token<string>('cache');
/** Resolves paths of graph files. */
export const RESOLVE = token<(path: string) => string>('resolve');
