/** @file `inversion/errors`: how far reconstructions are from their targets, on average and cluster by cluster. */
import { z } from 'zod';
import { defineNode, fetched, spread, type Metrics, type Picture, type Tensorial } from '../../engine/index.js';
import { namesConfig, rowsByLabel } from './columns.js';

/** How far one is from the other, for one row each. */
export const DISTANCES = {
  absolute: (a: Float32Array, b: Float32Array) => a.reduce((total, v, i) => total + Math.abs(v - b[i]!), 0) / a.length,
  euclidean: (a: Float32Array, b: Float32Array) => Math.sqrt(a.reduce((total, v, i) => total + (v - b[i]!) ** 2, 0)),
} as const;
const distanceNames = Object.keys(DISTANCES) as (keyof typeof DISTANCES)[];

/** The error of every row of `made` against the same row of `target`. */
export function errorsOf(target: Float32Array, made: Float32Array, count: number, distance: keyof typeof DISTANCES): Float32Array {
  const width = target.length / count, row = (all: Float32Array, i: number) => all.subarray(i * width, (i + 1) * width);
  return Float32Array.from({ length: count }, (_, i) => DISTANCES[distance](row(target, i), row(made, i)));
}

const mean = (values: Float32Array, at: readonly number[]) => at.reduce((total, i) => total + values[i]!, 0) / at.length;

type Inputs = { readonly target: 'f32[N,...S]'; readonly label: 'i64<K>[N]' };

export const errors = defineNode({
  name: 'inversion/errors',
  about: 'Errors of reconstructions by the clusters of their targets, as bars beside each other, and on average: of images in pixels, of any extractor\'s vectors of them in its features.',
  config: z.strictObject({
    names: namesConfig,
    distance: z.enum(distanceNames).default('absolute').describe('of images, the mean absolute difference of pixels in [-1,1]; of vectors, the length of their difference'),
    bars: z.int().min(1).default(100).describe('clusters that are drawn at most; those that the batch has, spread evenly'),
    title: z.string().optional(),
  }),
  inputs: ({ names }) => ({ target: 'f32[N,...S]', label: 'i64<K>[N]', ...Object.fromEntries(names.map((name) => [name, 'f32[N,...S]'])) } as Inputs),
  outputs: { metrics: '@metrics', picture: '@picture' },
  start: ({ names, distance, bars, title = `mean ${distance} error by cluster` }) => ({
    state: {},
    async step(state, inputs, { services }) {
      const target = await fetched(services, inputs.target), count = target.dims[0]!, label = await fetched(services, inputs.label), clusters = rowsByLabel(label.data as BigInt64Array);
      const metrics: Record<string, number> = {}, series: { name: string; values: number[] }[] = [], drawn = spread(clusters, bars);
      for (const name of names) {
        const made = await fetched(services, (inputs as Readonly<Record<string, Tensorial>>)[name]!), all = errorsOf(target.data as Float32Array, made.data as Float32Array, count, distance);
        const each = clusters.map(([, members]) => mean(all, members));
        metrics[name] = all.reduce((a, b) => a + b, 0) / count;
        // Every cluster alike, however many images it has.
        metrics[`${name}_of_clusters`] = each.reduce((a, b) => a + b, 0) / each.length;
        series.push({ name, values: drawn.map(([, members]) => mean(all, members)) });
      }
      const picture: Picture = { kind: 'bars', title, groups: drawn.map(([cluster]) => String(cluster)), series };
      return { state, outputs: { metrics: metrics satisfies Metrics, picture } };
    },
  }),
});
