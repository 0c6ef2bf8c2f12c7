/** @file How leaves of ours differ from the reference's beyond their names. */

/** A leaf of maxout units, from competitors side by side to competitors apart (or back, with the two counts exchanged). */
export function regrouped(values: ArrayLike<number>, groups: number, members: number): Float32Array {
  const width = values.length / (groups * members);
  return Float32Array.from({ length: values.length }, (_, i) => {
    const row = Math.floor(i / width), group = row % groups, member = Math.floor(row / groups);
    return values[(group * members + member) * width + (i % width)]!;
  });
}
