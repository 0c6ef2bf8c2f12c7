/** @file `metrics/inception-score`: how sure and how varied a classifier finds images. */
import { z } from 'zod';
import { defineNode, fetched, rows } from '../../engine/index.js';
import { createScore } from './score-of-classifier.js';

/** Images between pauses for what comes from the host. */
const SLICE = 1000;

export const inceptionScore = defineNode({
  name: 'metrics/inception-score',
  about: 'An Inception-like score (Salimans et al. 2016) from the class scores of any classifier; only with Inception\'s is it the Inception score.',
  config: z.strictObject({
    scores: z.enum(['logits', 'probabilities']).default('probabilities').describe('What the classifier gives; softmax is applied to logits.'),
    splits: z.int().min(1).default(10).describe('Contiguous parts, scored apart: the mean and the deviation of their scores are reported.'),
    remainder: z.enum(['drop', 'spread']).default('drop').describe('"drop": parts have floor(N / splits) images and the rest counts in none; "spread": part i begins at floor(i N / splits), as Salimans et al. and Self-Conditioned GAN have it.'),
  }),
  inputs: { score: 'f32[N,K]' },
  outputs: { metrics: '@metrics' },
  start: ({ scores, splits, remainder }) => ({
    state: {},
    async step(state, { score }, { node, services, signal }) {
      const value = await fetched(services, score), count = value.dims[0]!;
      const sum = createScore(`nodes.${node}.in.score`, { count, splits, remainder, scores }, signal);
      for (let from = 0; from < count; from += SLICE) await sum.add(rows(value, from, Math.min(count, from + SLICE)));
      const { mean, std } = sum.finish();
      return { state, outputs: { metrics: { score: mean, score_std: std } } };
    },
  }),
});
