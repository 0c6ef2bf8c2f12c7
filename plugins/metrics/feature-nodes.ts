/** @file Nodes that compare feature vectors of generated images with those of real ones, whatever extractor made them. */
import { z } from 'zod';
import { defineNode, type Metrics, type Resident, type SessionHost } from '../../engine/index.js';
import { frechetDistance } from './frechet.js';
import { momentsOf, type Covariance } from './moments.js';
import { prdc as prdcOf } from './prdc.js';
import { BORDERS, checkStrata, sidesOf, strataPorts, type Borders, type Sides } from './strata.js';

const strata = z.enum(Object.keys(BORDERS) as [Borders, ...Borders[]]).optional()
  .describe('The same for classes with many, medium and few training images, with the borders of the IC-GAN paper or of its code; wants labels and the data set.');

const named = (metrics: Metrics, { stratum }: Sides): Metrics => (stratum ? Object.fromEntries(Object.entries(metrics).map(([name, value]) => [`${name}_${stratum}`, value])) : metrics);

async function distanceOf(host: SessionHost, { real, fake }: Sides, covariance: Covariance, signal: AbortSignal): Promise<number> {
  const a = await momentsOf(host, real, 'real features', covariance), b = await momentsOf(host, fake, 'fake features', covariance);
  try { return await frechetDistance(host, a, b, signal); } finally { host.release([a.covariance as Resident, b.covariance as Resident]); }
}

export const frechet = defineNode({
  name: 'metrics/frechet',
  about: 'Frechet distance of generated and real images in any extractor\'s features, in float64 (with Inception features: FID).',
  config: z.strictObject({
    covariance: z.enum(['sample', 'population']).default('sample').describe('Divided by N - 1, or by N as StyleGAN2\'s metric code does.'),
    strata,
  }),
  inputs: { fake: 'f32[N,F]', real: 'f32[M,F]', ...strataPorts },
  outputs: { metrics: '@metrics' },
  check: ({ strata: borders }, { node, wired }) => checkStrata(borders, node, wired),
  start: ({ covariance, strata: borders }) => ({
    state: {},
    async step(state, inputs, { services, signal }) {
      const metrics: Record<string, number> = {};
      for (const sides of await sidesOf(services, inputs, borders)) {
        if (sides.stratum && (sides.real.dims[0]! < 2 || sides.fake.dims[0]! < 2)) continue;
        Object.assign(metrics, named({ frechet: await distanceOf(services.host, sides, covariance, signal) }, sides));
      }
      return { state, outputs: { metrics } };
    },
  }),
});

export const prdc = defineNode({
  name: 'metrics/prdc',
  about: 'Precision, recall (Kynkaanniemi et al. 2019), density and coverage (Naeem et al. 2020) of generated images in any extractor\'s features.',
  config: z.strictObject({
    k: z.int().min(1).default(5).describe('A ball around a vector reaches to its k-th nearest other.'),
    strata,
  }),
  inputs: { fake: 'f32[N,F]', real: 'f32[M,F]', ...strataPorts },
  outputs: { metrics: '@metrics' },
  check: ({ strata: borders }, { node, wired }) => checkStrata(borders, node, wired),
  start: ({ k, strata: borders }) => ({
    state: {},
    async step(state, inputs, { node, services, signal }) {
      const metrics: Record<string, number> = {};
      for (const sides of await sidesOf(services, inputs, borders)) {
        if (sides.stratum && (sides.real.dims[0]! <= k || sides.fake.dims[0]! <= k)) continue;
        const progress = (done: number, total: number) => services.progress(`${node}: distances`, done, total);
        Object.assign(metrics, named({ ...await prdcOf(services.host, sides.real, sides.fake, { k, signal, progress }) }, sides));
      }
      return { state, outputs: { metrics } };
    },
  }),
});
