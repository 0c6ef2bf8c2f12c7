/** @file Long loops in this thread, cut into turns. */
import { setImmediate as pause } from 'node:timers/promises';

/** Milliseconds of work between pauses. */
const TURN = 8;

/** A pause that happens only when the turn is over: others get theirs, and an aborted signal ends the work. */
export function turns(signal?: AbortSignal): () => Promise<void> | undefined {
  let since = performance.now();
  return () => {
    if (performance.now() - since < TURN) return undefined;
    signal?.throwIfAborted();
    return pause().then(() => { since = performance.now(); });
  };
}
