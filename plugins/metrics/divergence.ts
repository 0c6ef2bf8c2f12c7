/** @file Divergence of a histogram from the uniform distribution. */

/** Reverse KL to uniform over all classes, sum q ln(K q), in nats. Divide by ln 10 for the log10 form. */
export function reverseKl(counts: ArrayLike<number>): number {
  const all = Array.from(counts), total = all.reduce((a, b) => a + b, 0);
  return all.reduce((sum, n) => (n === 0 ? sum : sum + (n / total) * Math.log((all.length * n) / total)), 0);
}

/** Of a histogram over all classes: how many are found, and the reverse KL. */
export const foundIn = (histogram: Float64Array) => ({ modes: histogram.filter((n) => n > 0).length, ...reverseKls(histogram) });

/** The two forms that papers print, named: natural logarithm and log10. */
export function reverseKls(counts: ArrayLike<number>): { readonly reverse_kl: number; readonly reverse_kl_log10: number } {
  const nats = reverseKl(counts);
  return { reverse_kl: nats, reverse_kl_log10: nats / Math.LN10 };
}
