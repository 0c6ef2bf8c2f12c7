/** @file Indices of equal things. */

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
