/** @file `inversion/sheet`: targets and their reconstructions, cluster by cluster. */
import { z } from 'zod';
import { defineNode, fetched, rowsAt, sideBySide, spread, type Picture, type Tensorial } from '../../engine/index.js';
import { namesConfig, rowsByLabel } from './columns.js';

type Inputs = { readonly image: 'f32[N,C,H,W]'; readonly label: 'i64<K>[N]' };

export const reconstructions = defineNode({
  name: 'inversion/sheet',
  about: 'Images of each of a few clusters, set apart, and beside each its reconstructions: by an early and the last checkpoint, by this generator and another, as they are wired.',
  config: z.strictObject({
    names: namesConfig,
    clusters: z.int().min(1).default(10).describe('clusters at most; those that the batch has, spread evenly'),
    each: z.int().min(1).default(2).describe('images of each at most'),
    title: z.string().optional(),
  }),
  inputs: ({ names }) => ({ image: 'f32[N,C,H,W]', label: 'i64<K>[N]', ...Object.fromEntries(names.map((name) => [name, 'f32[N,C,H,W]'])) } as Inputs),
  outputs: { picture: '@picture' },
  start: ({ names, clusters, each, title = `targets; ${names.join(', ')}` }) => ({
    state: {},
    async step(state, inputs, { services }) {
      const label = await fetched(services, inputs.label), shown = spread(rowsByLabel(label.data as BigInt64Array), clusters).flatMap(([, members]) => members.slice(0, each));
      const columns = [];
      for (const name of ['image', ...names]) columns.push({ images: rowsAt(await fetched(services, (inputs as Readonly<Record<string, Tensorial>>)[name]!), shown), columns: 1 });
      const picture: Picture = { kind: 'images', title, apart: 1, ...sideBySide(columns, shown.length) };
      return { state, outputs: { picture } };
    },
  }),
});
