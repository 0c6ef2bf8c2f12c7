/** @file Everything observable about a run, as one union. */
import type { Value } from '../spec/value.js';
import type { Snapshot } from './snapshot.js';

export type Outputs = Readonly<Record<string, Value>>;

/** The nodes are started; waves `from` to `waves - 1` follow. */
export interface Started { readonly type: 'started'; readonly from: number; readonly waves: number }
/** A node has stepped. These come as they happen: with prefetch, waves interleave. */
export interface SteppedEvent { readonly type: 'stepped'; readonly wave: number; readonly node: string; readonly outputs: Outputs; readonly ms: number }
/** A wave is complete. These come in order, and carry what each node emitted in it, so that a log of them does not depend on timing. */
export interface WaveCompleted {
  readonly type: 'wave';
  readonly wave: number;
  /** Completed waves so far, `wave + 1`. */
  readonly completed: number;
  /** What the nodes that stepped in this wave emitted, in the plan's order. */
  readonly outputs: Readonly<Record<string, Outputs>>;
  readonly snapshot: Snapshot;
}
/**
 * All waves are done, or a node said that they suffice (`early`: which one, and why). `already` if they were before this run began; `unstepped` names
 * nodes whose cadence lies beyond a shortened run.
 */
export interface Finished { readonly type: 'finished'; readonly waves: number; readonly already: boolean; readonly unstepped: readonly string[]; readonly early?: Early }
export interface Early { readonly node: string; readonly says: string }
/** Stopped on request after `completed` waves. */
export interface Stopped { readonly type: 'stopped'; readonly completed: number }

export type RunEvent = Started | SteppedEvent | WaveCompleted | Finished | Stopped;
export type RunEnd = Finished | Stopped;
