/** @file Indices of equal things, and of the largest. */

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
