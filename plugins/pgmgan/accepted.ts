/** @file `partition/generate`: generated images that lie in the parts they were made for, and how many tries that took. */
import { z } from 'zod';
import { defineNode, drawLatents, elements, fetched, generate, rowsAt, tensor, type Metrics, type Partitioner, type TensorValue, type Weights } from '../../engine/index.js';
import { partsOf } from './label.js';

export const accepted = defineNode({
  name: 'partition/generate',
  about: 'Images for given parts: what the partitioner finds in another part is drawn again, and what never comes right is counted, and dropped unless it is to be kept.',
  config: z.strictObject({
    batch: z.int().positive().default(500).describe('images in one call; bounds the memory'),
    averaged: z.boolean().default(true).describe('use the averaged generator where training averages'),
    rounds: z.int().min(0).default(21).describe('further draws of an image at most; as published'),
    rejected: z.enum(['drop', 'keep']).default('drop').describe('images without an accepted draw: left out, or kept as last drawn, as the published code does'),
  }),
  inputs: { label: 'i64<K>[N]', weights: { latest: '@weights[...S]' }, partitioner: { latest: '@partitioner[P,...S]' } },
  outputs: { image: 'f32[A,...S]', label: 'i64<K>[A]', metrics: '@metrics' },
  start: ({ batch, averaged, rounds, rejected }) => ({
    state: {},
    async step(state, inputs, { node, services, random, signal }) {
      const weights = inputs.weights as Weights, partitioner = inputs.partitioner as Partitioner, label = await fetched(services, inputs.label), wanted = label.data as BigInt64Array;
      const size = weights.networks.image, width = elements(size), count = wanted.length, images = new Float32Array(count * width), draws = random('z');
      let open = Int32Array.from({ length: count }, (_, i) => i), drawn = 0, first = 0;
      for (let round = 0; round <= rounds && open.length; round++) {
        const missed: number[] = [];
        for (let from = 0; from < open.length; from += batch) {
          signal.throwIfAborted();
          const now = open.subarray(from, from + batch);
          const made = (await generate(services, weights, drawLatents(weights.networks, draws, now.length), { label: rowsAt(label, now) }, averaged)) as TensorValue;
          const found = await partsOf(services, partitioner, made, batch, signal);
          now.forEach((i, at) => {
            images.set((made.data as Float32Array).subarray(at * width, (at + 1) * width), i * width);
            if (found[at] !== wanted[i]) missed.push(i);
          });
          drawn += now.length;
          services.progress(`${node}: images in round ${round + 1} of at most ${rounds + 1}`, from + now.length, open.length);
        }
        if (round === 0) first = count - missed.length;
        open = Int32Array.from(missed);
      }
      const astray = new Set(rejected === 'drop' ? open : []), kept = Int32Array.from({ length: count }, (_, i) => i).filter((i) => !astray.has(i));
      const metrics: Metrics = { accepted_at_once: first / count, draws_per_image: drawn / count, rejected: open.length };
      return { state, outputs: { image: rowsAt(tensor('f32', [count, ...size], images), kept), label: rowsAt(label, kept), metrics } };
    },
  }),
});
