/** @file What is said of neighbour lists: how near they are, and whether they are of the same class. */
import { turns, type Features, type Metrics } from '../../engine/index.js';
import type { Lists } from './distances.js';

/** `distance`: mean Euclidean distance to a neighbour; `radius`: to the k-th. `sameClass`: share of neighbours that have the label of their instance, where there are classes. */
export async function report({ labels, classes, size }: Features, { k, index, distance }: Lists): Promise<Metrics> {
  const turn = turns();
  let near = 0, radius = 0, same = 0;
  for (let i = 0; i < size; i++) {
    for (let n = i * k; n < (i + 1) * k; n++) {
      near += distance[n]!;
      if (labels[index[n]!] === labels[i]) same++;
    }
    radius += distance[(i + 1) * k - 1]!;
    await turn();
  }
  return { distance: near / (size * k), radius: radius / size, ...(classes > 1 && { sameClass: same / (size * k) }) };
}
