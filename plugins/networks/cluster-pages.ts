/** @file `networks/cluster-pages`: every cluster, what is in it beside what the generator makes for it. */
import { z } from 'zod';
import { defineNode, drawLatents, fetched, generate, indicesBy, inputError, int64, rowsAt, sideBySide, type Dataset, type ImageGrid, type Pages, type Tensorial, type Weights } from '../../engine/index.js';

/** A place without an image is grey. */
const BLANK = -1;

/** What is known of a cluster besides its images: how many there are in the sample, which of them came from other clusters since the last clustering, their classes. */
export interface ClusterFacts { readonly cluster: number; readonly members: readonly number[]; readonly of: number; readonly moved?: number | undefined; readonly classes?: ArrayLike<number> | undefined; nameOf(label: number): string }

/** `7: 412 images, 4.1 %`, and below it `12 % new, 43 % horse`. */
export function captionOf({ cluster, members, of, moved, classes, nameOf }: ClusterFacts): string {
  if (!members.length) return `${cluster}: empty`;
  const below: string[] = [];
  if (moved !== undefined) below.push(`${percent(moved)} new`);
  if (classes) {
    const [label, most] = [...indicesBy(members.map((i) => classes[i]!))].reduce((a, b) => (b[1].length > a[1].length || (b[1].length === a[1].length && b[0] < a[0]) ? b : a));
    below.push(`${percent(most.length / members.length)} ${nameOf(label)}`);
  }
  return [`${cluster}: ${members.length} ${members.length === 1 ? 'image' : 'images'}, ${percent(members.length / of)}`, ...(below.length ? [below.join(', ')] : [])].join('\n');
}

const percent = (share: number): string => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;

export const clusterPages = defineNode({
  name: 'networks/cluster-pages',
  about: 'All clusters in pages, a row each: real images of it, set apart, and samples of the generator for it, under the same latents in every row and every time; how large it is, how much of it is new, its commonest class.',
  config: z.strictObject({
    real: z.int().min(1).default(6).describe('real images in a row: the first ones of the sample that are in the cluster'),
    samples: z.int().min(1).default(6).describe('samples in a row'),
    rows: z.int().min(1).default(20).describe('clusters on a page'),
  }),
  // `cluster`, `index`, `class` and `moved` are what a clustering of a sample left: clusters, places in the data set and classes of its images, and how much of each cluster came from others.
  inputs: {
    now: '@tick', cluster: { latest: 'i64<K>[N]' }, index: { latest: 'i64[N]' }, 'class?': { latest: 'i64<L>[N]' }, 'moved?': { latest: 'f32[K]' },
    dataset: { latest: '@dataset[L,C,H,W]' }, weights: { latest: '@weights[C,H,W]' },
  },
  outputs: { picture: '@picture' },
  start({ real, samples, rows }, { node, random, size }) {
    const k = size('K');
    return {
      state: {},
      async step(state, inputs, { services, signal }) {
        const dataset = inputs.dataset as Dataset, weights = inputs.weights as Weights, { labels } = weights.networks.condition;
        if (labels !== k) throw inputError(`nodes.${node}.in.cluster`, `there are ${k} clusters; the generator makes images for ${labels} labels`);
        const read = async (value: Tensorial | undefined) => value && Array.from((await fetched(services, value)).data as ArrayLike<number | bigint>, Number);
        const [cluster, index, classes, moved] = await Promise.all([inputs.cluster, inputs.index, inputs.class, inputs.moved].map(read));
        const members = indicesBy(cluster!), latents = drawLatents(weights.networks, random('z'), samples);
        const nameOf = (label: number) => dataset.classNames?.[label] ?? `class ${label}`;

        const page = async (clusters: readonly number[]): Promise<ImageGrid> => {
          const mine = clusters.map((c) => members.get(c) ?? []), shown = mine.flatMap((each) => each.slice(0, real));
          // Read at once; then each where it belongs.
          const images = (await dataset.read(Int32Array.from(shown.length ? shown : [0], (i) => index![i]!))).image;
          let next = 0;
          const places = mine.flatMap((each) => Array.from({ length: real }, (_, i) => (i < each.length ? next++ : BLANK)));
          const z = rowsAt(latents, clusters.flatMap(() => Array.from({ length: samples }, (_, i) => i)));
          const made = await fetched(services, await generate(services, weights, z, { label: int64(clusters.flatMap((c) => Array<number>(samples).fill(c))) }));
          return {
            kind: 'images', title: `clusters ${clusters[0]} to ${clusters.at(-1)}: real images, samples`, apart: real,
            captions: clusters.map((c, row) => captionOf({ cluster: c, members: mine[row]!, of: cluster!.length, moved: moved?.[c], classes, nameOf })),
            ...sideBySide([{ images: rowsAt(images, places), columns: real }, { images: made, columns: samples }], clusters.length),
          };
        };
        const pages: ImageGrid[] = [];
        for (let from = 0; from < k; from += rows) {
          signal.throwIfAborted();
          pages.push(await page(Array.from({ length: Math.min(rows, k - from) }, (_, i) => from + i)));
        }
        const picture: Pages = { kind: 'pages', title: 'clusters', pages };
        return { state, outputs: { picture } };
      },
    };
  },
});
