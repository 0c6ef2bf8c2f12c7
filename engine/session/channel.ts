/** @file The main thread's end of the conversation: numbered calls, their answers, and what happens to both when the thread ends. */
import type { Transferable, Worker } from 'node:worker_threads';
import type { Answer, Call, Calls } from './protocol.js';

export interface Channel {
  /** Asks; rejects with an `Error` whose message is what failed. */
  call<K extends Call>(call: K, ask: Calls[K]['ask'], transfer?: readonly Transferable[]): Promise<Calls[K]['answer']>;
  /** Asks the thread to end once everything asked before is answered, and waits for that. */
  close(): Promise<void>;
}

interface Pending { resolve(answer: never): void; reject(error: Error): void }

/** A channel to a thread. The thread keeps the process alive only while a call waits for its answer. */
export function createChannel(worker: Worker): Channel {
  const pending = new Map<number, Pending>();
  let last = 0, closing: Promise<void> | undefined, ended: Error | undefined;

  worker.unref();
  worker.on('message', (message: Answer) => {
    const waiting = pending.get(message.number);
    pending.delete(message.number);
    if (!pending.size && !closing) worker.unref();
    if ('failed' in message) waiting?.reject(new Error(message.failed));
    else waiting?.resolve(message.answer as never);
  });
  let crash: unknown;
  worker.on('error', (error) => { crash = error; });
  const exited = new Promise<void>((resolve) => worker.on('exit', (code) => {
    ended = new Error(`the thread of ONNX Runtime ended (${crash ? (crash as Error).message ?? crash : `exit code ${code}`})`, { cause: crash });
    for (const { reject } of pending.values()) reject(ended);
    pending.clear();
    resolve();
  }));

  function call<K extends Call>(call: K, ask: Calls[K]['ask'], transfer: readonly Transferable[] = []): Promise<Calls[K]['answer']> {
    if (closing) return Promise.reject(new Error('the session host is closed'));
    if (ended) return Promise.reject(ended);
    return new Promise((resolve, reject) => {
      const number = ++last;
      worker.postMessage({ number, call, ask }, transfer);
      if (!pending.size) worker.ref();
      pending.set(number, { resolve, reject });
    });
  }
  return {
    call,
    close() {
      if (!closing) {
        const asked = call('close', null).catch(() => undefined); // a thread that ended meanwhile is closed, too
        closing = asked.then(() => exited);
        worker.ref();
      }
      return closing;
    },
  };
}
