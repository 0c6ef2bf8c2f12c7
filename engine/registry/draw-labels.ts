/** @file Labels for samples when nobody says which. */
import type { Random } from '../session/keyed-random.js';

/** Labels below `labels`, as often as `shares` say of each, uniformly without them. */
export function drawLabels(random: Random, count: number, labels: number, shares?: readonly number[]): Int32Array {
  if (!shares) return random.integers(count, labels);
  let total = 0;
  const upTo = shares.map((share) => (total += share));
  return Int32Array.from(random.uniform(count), (u) => upTo.findIndex((end) => u * total < end));
}
