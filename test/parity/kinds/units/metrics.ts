/** @file Frechet distance, Inception score, precision, recall, density and coverage of given features and probabilities. */
import { tensor, type Resident, type TensorValue } from '../../../../engine/spec/value.js';
import { frechetDistance } from '../../../../plugins/metrics/frechet.js';
import { momentsOf, type Covariance } from '../../../../plugins/metrics/moments.js';
import { prdc } from '../../../../plugins/metrics/prdc.js';
import { createScore } from '../../../../plugins/metrics/score-of-classifier.js';
import type { UnitChecker } from '../units.js';

/** What float32's Newton-Schulz iteration of the reference is from float64's value. */
const FLOAT32 = 1e-5;

export const metrics: UnitChecker = {
  prefix: 'metrics/',
  async check({ arrays, manifest: { scalars } }, compare, host) {
    const floats = (name: string): TensorValue => tensor('f32', arrays.get(name)!.dims, Float32Array.from(arrays.get(name)!.data as Float32Array));
    const real = floats('metrics/real'), fake = floats('metrics/fake'), probabilities = floats('metrics/probs');
    const distance = async (covariance: Covariance) => {
      const [a, b] = [await momentsOf(host, real, 'real', covariance), await momentsOf(host, fake, 'fake', covariance)];
      try { return await frechetDistance(host, a, b); } finally { host.release([a.covariance as Resident, b.covariance as Resident]); }
    };
    const sample = await distance('sample');
    compare.scalar('metrics: Frechet distance', scalars.FID_numpy, sample, 1e-7 * scalars.FID_numpy);
    compare.scalar('metrics: Frechet distance by Newton-Schulz in float32', scalars.FID_newton_schulz_50_fp32, sample, FLOAT32 * scalars.FID_numpy);
    compare.scalar('metrics: Frechet distance, population covariance', scalars.FID_population_cov, await distance('population'), 1e-7 * scalars.FID_population_cov);
    const score = createScore('probabilities', { count: probabilities.dims[0]!, splits: 10, scores: 'probabilities' });
    await score.add(probabilities);
    const { mean, std } = score.finish();
    compare.scalar('metrics: Inception score', scalars.IS_mean, mean, 1e-6 * scalars.IS_mean);
    compare.scalar('metrics: Inception score, deviation', scalars.IS_std, std, 1e-6 * scalars.IS_mean);
    for (const k of [3, 5]) {
      const ours = await prdc(host, real, fake, { k });
      for (const [name, expected] of Object.entries(scalars[`PRDC_k${k}`] as Record<string, number>)) compare.scalar(`metrics: ${name}, k ${k}`, expected, ours[name as keyof typeof ours], 1e-12);
    }
  },
};
