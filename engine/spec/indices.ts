/** @file Indices of equal things, and of the largest; some of many. */

/** Where each key stands, by the keys in the order in which they first come. */
export function indicesBy<K>(keys: Iterable<K>): Map<K, number[]> {
  const indices = new Map<K, number[]>();
  let index = 0;
  for (const key of keys) {
    const found = indices.get(key);
    if (found) found.push(index);
    else indices.set(key, [index]);
    index++;
  }
  return indices;
}

/** Where the `count` largest values stand, the largest first; of equal ones the first. */
export const highest = (values: ArrayLike<number>, count: number): readonly number[] =>
  Array.from({ length: values.length }, (_, i) => i).sort((a, b) => values[b]! - values[a]! || a - b).slice(0, count);

/** At most `count` of them, the first and the last among these, evenly apart. */
export const spread = <T>(all: readonly T[], count: number): readonly T[] =>
  (all.length <= count ? all : Array.from({ length: count }, (_, i) => all[Math.round((i * (all.length - 1)) / Math.max(1, count - 1))]!));
