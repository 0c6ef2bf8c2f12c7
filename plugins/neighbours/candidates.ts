/** @file The best similarities seen so far for each of many rows: a heap a row, the worst on top. */

export class Candidates {
  /** The similarities of each row's heap, and whom they are with: -1 where there is room. */
  readonly similarity: Float32Array;
  readonly partner: Int32Array;

  constructor(rows: number, readonly each: number) {
    this.similarity = new Float32Array(rows * each).fill(Number.NEGATIVE_INFINITY);
    this.partner = new Int32Array(rows * each).fill(-1);
  }

  /** What a similarity has to exceed to be among the best of a row. */
  threshold(row: number): number {
    return this.similarity[row * this.each]!;
  }

  /** Starts a row, before its first candidate, with a similarity that all of them have to exceed. */
  startAt(row: number, similarity: number): void {
    this.similarity.fill(similarity, row * this.each, (row + 1) * this.each);
  }

  /** The candidates of a row, the best first, and what nobody else exceeds. */
  best(row: number): { readonly who: Int32Array; readonly similarity: Float32Array; readonly others: number } {
    const { each } = this, from = row * each, who = new Int32Array(each), similarity = new Float32Array(each);
    let count = 0;
    for (let n = from; n < from + each; n++) {
      const value = this.similarity[n]!;
      if (this.partner[n]! < 0) continue;
      let at = count++;
      for (; at > 0 && similarity[at - 1]! < value; at--) {
        similarity[at] = similarity[at - 1]!;
        who[at] = who[at - 1]!;
      }
      similarity[at] = value;
      who[at] = this.partner[n]!;
    }
    return { who: who.subarray(0, count), similarity, others: this.similarity[from]! };
  }

  /** Takes in a similarity above the row's threshold, in the place of the worst. */
  offer(row: number, partner: number, similarity: number): void {
    const { each, similarity: heap, partner: who } = this, base = row * each;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= each) break;
      if (child + 1 < each && heap[base + child + 1]! < heap[base + child]!) child++;
      if (heap[base + child]! >= similarity) break;
      heap[base + at] = heap[base + child]!;
      who[base + at] = who[base + child]!;
      at = child;
    }
    heap[base + at] = similarity;
    who[base + at] = partner;
  }
}
