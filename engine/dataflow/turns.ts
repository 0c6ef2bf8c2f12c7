/** @file Long work in the main thread, in turns: the event loop is never held up. */
import { setImmediate as othersTurn } from 'node:timers/promises';

/** Milliseconds of a turn. */
const TURN = 8;

/** Gives the event loop its turn whenever ours was long enough, and throws when the signal says to stop. Call it often: it costs a look at the clock. */
export function turns(signal?: AbortSignal): () => Promise<void> | undefined {
  let since = performance.now();
  return () => {
    if (performance.now() - since < TURN) return undefined;
    return othersTurn().then(() => {
      signal?.throwIfAborted();
      since = performance.now();
    });
  };
}
