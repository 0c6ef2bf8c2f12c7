/** @file How leaves of ours differ from the reference's beyond their names. */

/** A leaf of maxout units, from competitors side by side to competitors apart (or back, with the two counts exchanged). */
export function regrouped(values: ArrayLike<number>, groups: number, members: number): Float32Array {
  const width = values.length / (groups * members);
  return Float32Array.from({ length: values.length }, (_, i) => {
    const row = Math.floor(i / width), group = row % groups, member = Math.floor(row / groups);
    return values[(group * members + member) * width + (i % width)]!;
  });
}

/** An array with its axes in another order, as NumPy's transpose. */
export function permuted(values: ArrayLike<number>, dims: readonly number[], order: readonly number[]): Float32Array {
  const strides = dims.map((_, axis) => dims.slice(axis + 1).reduce((a, b) => a * b, 1));
  const to = order.map((axis) => dims[axis]!), out = new Float32Array(values.length), at = to.map(() => 0);
  for (let i = 0; i < out.length; i++) {
    out[i] = values[at.reduce((offset, index, axis) => offset + index * strides[order[axis]!]!, 0)]!;
    for (let axis = at.length - 1; axis >= 0 && ++at[axis]! === to[axis]; axis--) at[axis] = 0;
  }
  return out;
}
