/** @file Long work in the main thread, in turns: the event loop is never held up. */
import { setImmediate as othersTurn } from 'node:timers/promises';
import type { Slices } from '../tensor/slices.js';

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

/** Does work in slices, with turns between them. */
export async function inTurns<T>(slices: Slices<T>, signal?: AbortSignal): Promise<T> {
  for (const turn = turns(signal);;) {
    const { done, value } = slices.next();
    if (done) return value;
    await turn();
  }
}
