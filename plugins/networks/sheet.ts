/** @file `networks/sheet`: real images of a label, and what the generator makes for it, side by side. */
import { z } from 'zod';
import { defineNode, elements, fetched, generate, sideBySide, tensor, type Picture, type TensorValue, type Weights } from '../../engine/index.js';

export const sheet = defineNode({
  name: 'networks/sheet',
  about: 'A row for each of a few labels (classes, clusters or parts): real images of it, set apart, and samples of the generator for it, from the same latents every time.',
  config: z.strictObject({
    labels: z.int().min(1).default(8).describe('rows at most; labels that the batch has, spread evenly from the one with the most images to the one with the fewest'),
    real: z.int().min(1).default(5).describe('real images in a row'),
    samples: z.int().min(1).default(5).describe('samples in a row'),
    title: z.string().default('real images, samples'),
  }),
  inputs: { image: 'f32[N,C,H,W]', label: 'i64<K>[N]', weights: { latest: '@weights[C,H,W]' } },
  outputs: { picture: '@picture' },
  start: ({ labels, real, samples, title }, { random }) => ({
    state: {},
    async step(state, inputs, { services }) {
      const [image, label] = await Promise.all([fetched(services, inputs.image), fetched(services, inputs.label)]), weights = inputs.weights as Weights;
      const rows = spread(membersOf(label), labels), { latent } = weights.networks;
      const repeated = BigInt64Array.from({ length: rows.length * samples }, (_, i) => BigInt(rows[Math.floor(i / samples)]!.label));
      const made = generate(services, weights, tensor('f32', [repeated.length, latent], random('z').normal(repeated.length * latent)), { label: tensor('i64', [repeated.length], repeated) });
      const picture: Picture = {
        kind: 'images', title, columns: real + samples, apart: real,
        images: sideBySide([{ images: chosen(image, rows.map(({ members }) => members.slice(0, real)), real), columns: real }, { images: await fetched(services, await made), columns: samples }], rows.length),
      };
      return { state, outputs: { picture } };
    },
  }),
});

interface Row { readonly label: number; readonly members: readonly number[] }

/** Which images have each label that occurs; the label with the most images first, equals by label. */
function membersOf({ data }: TensorValue): readonly Row[] {
  const members = new Map<number, number[]>();
  for (const [i, value] of data.entries()) {
    const found = members.get(Number(value));
    if (found) found.push(i);
    else members.set(Number(value), [i]);
  }
  return [...members].map(([label, members]) => ({ label, members })).sort((a, b) => b.members.length - a.members.length || a.label - b.label);
}

/** At most `count` of them, the first and the last among these, evenly apart. */
const spread = <T>(all: readonly T[], count: number): readonly T[] =>
  (all.length <= count ? all : Array.from({ length: count }, (_, i) => all[Math.round((i * (all.length - 1)) / Math.max(1, count - 1))]!));

/** The images of each row, `columns` places a row; places that are left over are grey. */
function chosen({ dims, data }: TensorValue, rows: readonly (readonly number[])[], columns: number): TensorValue {
  const size = dims.slice(1), each = elements(size), out = new Float32Array(rows.length * columns * each);
  rows.forEach((members, row) => {
    members.forEach((from, column) => { out.set((data as Float32Array).subarray(from * each, (from + 1) * each), (row * columns + column) * each); });
  });
  return tensor('f32', [rows.length * columns, ...size], out);
}
