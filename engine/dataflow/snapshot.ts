/** @file A snapshot: every node's state and every register at one completed wave. It is all that a run needs to go on exactly. */
import type { Value } from '../spec/value.js';

export interface NodeSnapshot {
  readonly state: unknown;
  /**
   * The value of every output that a held edge reads, where it has one. A transient value stands here as itself; a checkpoint writes
   * `{ [transient]: true }` in its place, and on resume the producer's `initial` makes it again.
   */
  readonly registers: Readonly<Record<string, Value>>;
  /** How many times the node has stepped. */
  readonly steps: number;
}

export interface Snapshot {
  /** Completed waves, which is the number of the next one. */
  readonly waves: number;
  readonly nodes: Readonly<Record<string, NodeSnapshot>>;
}
