/** @file Stopping on request: the first Ctrl-C asks, the second one insists. */

/** The exit code of what was stopped on request and can go on. */
export const STOPPED = 75;

/** Signals that come together are one: a terminal sends Ctrl-C to a whole process group, and `npm run` passes it on once more. */
const TOGETHER_MS = 300;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Does what signals may stop: then it has ended early, and the exit code says so. */
export async function stoppable(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const stop = stopOnSignals();
  try {
    await work(stop.signal);
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    process.exitCode = STOPPED;
  } finally {
    stop.release();
  }
}

/** Aborts on the first signal, and ends the process with code 130 on the second. `release` gives the signals back. */
export function stopOnSignals(): { readonly signal: AbortSignal; release(): void } {
  const stop = new AbortController();
  let first = 0;
  const heard = () => {
    const now = performance.now();
    if (!first) {
      first = now;
      process.stderr.write('\nstopping after the call in progress; once more to end at once\n');
      stop.abort();
    } else if (now - first > TOGETHER_MS) {
      process.exit(130);
    }
  };
  for (const name of SIGNALS) process.on(name, heard);
  return { signal: stop.signal, release: () => { for (const name of SIGNALS) process.off(name, heard); } };
}
