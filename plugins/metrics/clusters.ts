/** @file `metrics/clusters`: how well clusters agree with true classes. */
import { z } from 'zod';
import { defineNode, fetched, type Metrics, type Services, type Tensorial } from '../../engine/index.js';

/**
 * Agreement of clusters with classes. `nmi`: 2 I / (H + H). `purity`: (1/N) sum over clusters of their largest class, as the paper defines it;
 * `purity_swapped`: (1/N) sum over classes of their largest cluster, which is what the paper's script computes and its tables print. `homogeneity`: I / H(classes).
 * `adjusted_rand`: pairs of images that both keep together, against chance (Hubert and Arabie, 1985).
 */
export function agreement(cluster: ArrayLike<number>, label: ArrayLike<number>): Metrics {
  const n = cluster.length, pairs = new Map<string, number>(), clusters = new Map<number, number>(), labels = new Map<number, number>();
  const count = <K>(table: Map<K, number>, key: K) => table.set(key, (table.get(key) ?? 0) + 1);
  const ids = new Map<string, readonly [number, number]>();
  for (let i = 0; i < n; i++) {
    const pair = `${cluster[i]} ${label[i]}`;
    ids.set(pair, [cluster[i]!, label[i]!]);
    count(pairs, pair);
    count(clusters, cluster[i]!);
    count(labels, label[i]!);
  }
  const entropy = (table: Map<unknown, number>) => [...table.values()].reduce((sum, c) => sum - (c / n) * Math.log(c / n), 0);
  const [h, g, joint] = [entropy(clusters), entropy(labels), entropy(pairs)];
  // The largest count over each of one side's values, summed.
  const purity = (side: 0 | 1) => {
    const largest = new Map<number, number>();
    for (const [pair, c] of pairs) {
      const key = ids.get(pair)![side];
      largest.set(key, Math.max(c, largest.get(key) ?? 0));
    }
    return [...largest.values()].reduce((a, b) => a + b, 0) / n;
  };
  const together = (table: Map<unknown, number>) => [...table.values()].reduce((sum, c) => sum + (c * (c - 1)) / 2, 0), all = (n * (n - 1)) / 2;
  const [both, here, there] = [together(pairs), together(clusters), together(labels)], chance = all ? (here * there) / all : 0, most = (here + there) / 2;
  return { nmi: h + g === 0 ? 1 : (2 * (h + g - joint)) / (h + g), purity: purity(0), purity_swapped: purity(1), homogeneity: g === 0 ? 1 : (h + g - joint) / g, adjusted_rand: most === chance ? 1 : (both - chance) / (most - chance), clusters: clusters.size, classes: labels.size };
}

const integers = async (services: Services, value: Tensorial) => Array.from((await fetched(services, value)).data as BigInt64Array, Number);

export const clusters = defineNode({
  name: 'metrics/clusters',
  about: 'Normalised mutual information and purity (both definitions) of clusters and true classes.',
  config: z.strictObject({}),
  inputs: { cluster: 'i64[N]', label: 'i64[N]' },
  outputs: { metrics: '@metrics' },
  start: () => ({
    state: {},
    step: async (state, { cluster, label }, { services }) => ({ state, outputs: { metrics: agreement(await integers(services, cluster), await integers(services, label)) } }),
  }),
});
