/** @file Which new cluster is which old one: the assignment that keeps the most points in their old label (Self-Conditioned GAN, Eq. 4). */

/** How many points have each pair of labels: [new, old] at new * k + old. */
export function overlap(newer: Int32Array, older: Int32Array, k: number): Float64Array {
  const table = new Float64Array(k * k);
  newer.forEach((label, i) => { table[label * k + older[i]!]! += 1; });
  return table;
}

/**
 * The column of each row in an assignment of largest total, for a k x k table.
 * Hungarian method with shortest augmenting paths, O(k^3) (Jonker and Volgenant 1987).
 */
export function assign(gain: Float64Array, k: number): Int32Array {
  // Row k and column k stand for "none": row `rowOf[k]` is the one looking for a column.
  const rowOf = new Int32Array(k + 1).fill(k), before = new Int32Array(k + 1);
  const rowPrice = new Float64Array(k + 1), columnPrice = new Float64Array(k + 1);
  for (let row = 0; row < k; row++) {
    const slack = new Float64Array(k + 1).fill(Infinity), done = new Uint8Array(k + 1);
    let column = k;
    rowOf[k] = row;
    while (rowOf[column] !== k) {
      done[column] = 1;
      const from = rowOf[column]!;
      let nearest = k, step = Infinity;
      for (let j = 0; j < k; j++) {
        if (done[j]) continue;
        const reduced = -gain[from * k + j]! - rowPrice[from]! - columnPrice[j]!;
        if (reduced < slack[j]!) { slack[j] = reduced; before[j] = column; }
        if (slack[j]! < step) { step = slack[j]!; nearest = j; }
      }
      for (let j = 0; j <= k; j++) {
        if (done[j]) { rowPrice[rowOf[j]!]! += step; columnPrice[j]! -= step; } else slack[j]! -= step;
      }
      column = nearest;
    }
    for (; column !== k; column = before[column]!) rowOf[column] = rowOf[before[column]!]!;
    rowOf[k] = k;
  }
  const columnOf = new Int32Array(k);
  for (let j = 0; j < k; j++) columnOf[rowOf[j]!] = j;
  return columnOf;
}

/** The old label of each new class. */
export const match = (newer: Int32Array, older: Int32Array, k: number): Int32Array => assign(overlap(newer, older, k), k);
