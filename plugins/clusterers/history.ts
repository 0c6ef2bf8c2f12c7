/** @file `clusterer/history`: how large clusters were at every clustering of a sample, and how many images went from one to another. */
import { z } from 'zod';
import { defineNode, fetched, inputError, tensor, type Behaviour, type Picture, type Tensorial, type Value } from '../../engine/index.js';
import { int32 } from './calls.js';
import { drift, sizes } from './k-means-node.js';

/** The labels of the last clustering, and of all of them: the wave, every cluster's size and, from the second on, the share of the images that moved. */
export interface HistoryState {
  readonly labels?: Int32Array;
  readonly waves: readonly number[];
  readonly sizes: readonly Int32Array[];
  readonly moved: readonly number[];
}

interface Inputs { readonly label: Tensorial }
interface Outputs { readonly picture: Value; readonly moved: Tensorial }

/** Of each of `k` clusters, the share of its images that another one had before; 0 of an empty one. */
export function arrivals(labels: Int32Array, before: Int32Array, k: number): Float32Array {
  const came = new Float32Array(k), counts = sizes(labels, k);
  labels.forEach((c, i) => { if (before[i] !== c) came[c]! += 1; });
  return came.map((n, c) => n / Math.max(1, counts[c]!));
}

/** Multiples of an even share of the images at which shades change. */
const SHADES = [1 / 8, 1 / 4, 1 / 2, 3 / 4, 1, 4 / 3, 2, 4, 8];

/** Sizes over clusterings, those of the cluster that is the largest now first; the share of images that moved above. */
export function historyPicture(title: string, { waves, sizes, moved }: HistoryState): Picture {
  const last = sizes.at(-1)!, order = Array.from(last.keys()).sort((a, b) => last[b]! - last[a]! || a - b), even = last.reduce((a, b) => a + b, 0) / last.length;
  return {
    kind: 'heat', title, waves, rows: order.map(String), levels: SHADES.map((share) => share * even),
    values: Float32Array.from(order.flatMap((cluster) => sizes.map((each) => each[cluster]!))),
    line: { name: 'share of the images that moved', values: Float32Array.of(Number.NaN, ...moved) },
  };
}

export const history = defineNode({
  name: 'clusterer/history',
  about: 'Sizes of all clusters over the clusterings of one sample, as a picture with the share of the images that moved; and of each cluster the share that came from others, from the second clustering on.',
  config: z.strictObject({ title: z.string().default('sizes of clusters, images at each clustering') }),
  inputs: { label: 'i64<K>[N]' },
  outputs: { picture: '@picture', moved: 'f32[K]' },
  start({ title }, { size }): Behaviour<HistoryState, Inputs, Outputs> {
    const k = size('K');
    return {
      state: { waves: [], sizes: [], moved: [] },
      async step(state, { label }, { node, services, wave }) {
        const labels = int32(await fetched(services, label)), before = state.labels;
        if (before && before.length !== labels.length) throw inputError(`nodes.${node}.in.label`, `it has ${labels.length} labels, and had ${before.length}; those of the same sample are wanted each time`);
        const moved = before && drift(labels, before);
        const next: HistoryState = {
          labels, waves: [...state.waves, wave], sizes: [...state.sizes, sizes(labels, k)], moved: [...state.moved, ...(moved === undefined ? [] : [moved])],
        };
        return { state: next, outputs: { picture: historyPicture(title, next), ...(before && { moved: tensor('f32', [k], arrivals(labels, before, k)) }) } };
      },
    };
  },
});
