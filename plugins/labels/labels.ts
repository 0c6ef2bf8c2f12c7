/** @file `label/uniform` and `label/constant`: one label for each item of a batch, whatever is in it. True labels need no node. */
import { z } from 'zod';
import { defineNode, tensor, type Tensorial } from '../../engine/index.js';

const rows = (like: Tensorial) => like.dims[0]!;

export const uniform = defineNode({
  name: 'label/uniform',
  about: 'Fresh uniform labels for every batch: the random-labels baseline.',
  config: z.strictObject({ k: z.int().min(1).describe('Number of labels.') }),
  inputs: { like: 'f32[N,...S]' },
  outputs: { label: 'i64<K>[N]' },
  dims: ({ k }) => ({ K: k }),
  start: ({ k }) => ({
    state: {},
    step(state, { like }, context) {
      const labels = context.random('label').integers(rows(like), k);
      return { state, outputs: { label: tensor('i64', [rows(like)], BigInt64Array.from(labels as Iterable<number>, BigInt)) } };
    },
  }),
});

export const constant = defineNode({
  name: 'label/constant',
  about: 'Label 0 for every item: an unconditional GAN.',
  config: z.strictObject({ k: z.int().min(1).default(1).describe('Labels that there are. 1: the networks have no condition; more: tables of that size whose first row alone is used, as in the unconditional BigGAN of IC-GAN.') }),
  inputs: { like: 'f32[N,...S]' },
  outputs: { label: 'i64<K>[N]' },
  dims: ({ k }) => ({ K: k }),
  start: () => ({
    state: {},
    step: (state, { like }) => ({ state, outputs: { label: tensor('i64', [rows(like)], new BigInt64Array(rows(like))) } }),
  }),
});
