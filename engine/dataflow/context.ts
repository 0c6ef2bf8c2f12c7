/** @file What a step may use: services, randomness keyed by where and when, a signal to stop. */
import type { SessionHost } from '../session/host.js';
import type { Random } from '../session/keyed-random.js';

/** Services a node may use, injected by the composition root. A test gives stubs. */
export interface Services {
  readonly host: SessionHost;
  /** Resolves a path written in a graph file (relative to the folder the command runs in, or a `models/manifest.json` name). */
  readonly resolve: (path: string) => string;
  /** The folder of what was computed once and can be computed again: decoded images, features. */
  readonly cache: string;
  /** A component registered by a plugin: a backbone, a method, an optimiser. Throws an InputError that lists the names at hand. */
  readonly component: <T>(kind: string, name: string) => T;
  /** Progress of something that takes more than a moment, shown on the console with an ETA. */
  readonly progress: (what: string, done: number, total: number) => void;
  /** A remark for people: on stderr and in the run's log. */
  readonly note: (message: string) => void;
}

/** What a step knows of its moment. */
export interface WaveContext {
  readonly node: string;
  readonly wave: number;
  /** Aborted when the run stops or another node failed. */
  readonly signal: AbortSignal;
  readonly services: Services;
  /** Counter-based random numbers keyed by (seed, node, wave, name): the same whenever and wherever it is asked. */
  random(name: string): Random;
}
