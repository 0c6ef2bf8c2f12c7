/** @file Work on many files at once, but never on more than a few. */

/**
 * Does `work` for 0..count-1, at most `limit` at a time, started in order. The first failure, or an abort of `signal`, ends it once what is under way has ended.
 */
export async function sideBySide(count: number, limit: number, work: (index: number) => Promise<void>, signal?: AbortSignal): Promise<void> {
  let next = 0, failure: { readonly error: unknown } | undefined;
  const worker = async () => {
    while (next < count && !failure && !signal?.aborted) {
      try { await work(next++); } catch (error) { failure ??= { error }; }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, count) }, worker));
  if (failure) throw failure.error;
  signal?.throwIfAborted();
}
