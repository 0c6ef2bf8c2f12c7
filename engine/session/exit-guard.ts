/** @file Lets the process end while a call into ONNX Runtime is in progress: a thread that is stopped inside one aborts the whole process. */

/** The word shared by both threads. Ending: no call may begin any more. Ended: the call that was in progress is over. */
const IDLE = 0, CALLING = 1, ENDING = 2, ENDED = 3;

/** Watches over one thread. However the process ends (`process.exit`, an uncaught error), it first waits for the native call in progress. */
export function guardExit(): { readonly word: Int32Array; lift(): void } {
  const word = new Int32Array(new SharedArrayBuffer(4));
  const wait = () => {
    if (Atomics.exchange(word, 0, ENDING) === CALLING) Atomics.wait(word, 0, ENDING);
  };
  process.on('exit', wait);
  return { word, lift: () => process.off('exit', wait) };
}

/** In the thread: makes one native call, unless the process is ending. */
export async function guarded<T>(word: Int32Array, call: () => Promise<T>): Promise<T> {
  if (Atomics.compareExchange(word, 0, IDLE, CALLING) !== IDLE) throw new Error('the process is ending');
  try {
    return await call();
  } finally {
    if (Atomics.compareExchange(word, 0, CALLING, IDLE) === ENDING) {
      Atomics.store(word, 0, ENDED);
      Atomics.notify(word, 0);
    }
  }
}
