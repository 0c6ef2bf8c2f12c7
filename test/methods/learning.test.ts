/** @file Small networks really learn: the ring of eight Gaussians in five hundred waves, from nothing to every mode. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createRuns, type Runs } from './runs.js';

let runs: Runs;
beforeAll(() => { runs = createRuns(); });
afterAll(() => runs.remove());

const seed = 1;

test(`Self-Conditioned GAN covers the ring evenly with good samples (seed ${seed})`, async () => {
  const { graph } = await runs.graph('self-conditioned-gan/ring.json', {
    data: { points: 4000, batch: 64, variance: 0.01 },
    recluster: { waves: 100, until: 201 }, probe: { images: 500, batch: 500 }, clusters: { k: 12, restarts: 3 },
    train: {
      backbone: { type: 'mlp-maxout', generator: 48, discriminator: 24, pool: 4, embedding: 8 },
      optimiser: { type: 'adam', lr: 0.003, betas: [0, 0.99] }, rate: { generator: 1 }, schedule: { type: 'linear', waves: 500, from: 250, floor: 0.1 }, freeze: 200,
    },
    evaluate: { waves: 500 }, fresh: { count: 2000 }, fake: { batch: 2000 },
  });
  const { out, metrics } = await runs.run(graph, { out: 'ring', waves: 500, seed });
  const [first] = readFileSync(join(out, 'metrics.jsonl'), 'utf8').split('\n').map((line) => JSON.parse(line || '{}') as Record<string, number>);
  // Seeds 1 to 3 ended with 99.8 % or more of the points within three deviations of a mode, and a divergence of 0.002.
  expect(first!['quality.high_quality_disc']).toBeLessThan(0.1);
  expect(metrics['quality.modes']).toBe(8);
  expect(metrics['quality.high_quality_disc']).toBeGreaterThan(0.8);
  expect(metrics['quality.reverse_kl']).toBeLessThan(0.05);
  expect(metrics['agreement.nmi']).toBeGreaterThan(0.8);
});
