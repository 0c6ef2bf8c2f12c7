/** @file Agreement of clusters with classes, reverse KL of histograms, Frechet distance and Inception score: what Self-Conditioned GAN's tables are made of. */
import { tensor, type Resident, type TensorValue } from '../../../engine/spec/value.js';
import { agreement } from '../../../plugins/metrics/clusters.js';
import { reverseKls } from '../../../plugins/metrics/divergence.js';
import { frechetDistance } from '../../../plugins/metrics/frechet.js';
import { momentsOf } from '../../../plugins/metrics/moments.js';
import { createScore } from '../../../plugins/metrics/score-of-classifier.js';
import { scalarTolerance } from '../comparison.js';
import type { Kind } from '../fixture.js';
import { checking } from './partitioner-parts.js';

/** Our name of each of the reference's. */
const AGREEMENT = { nmi: 'nmi', purity_standard: 'purity', purity_as_reference_cli: 'purity_swapped', ari: 'adjusted_rand', homogeneity: 'homogeneity' } as const;
const SPLITS = { inception_score_10_splits_mean: 10, inception_score_1_split: 1 } as const;

export const agreementMetrics: Kind = {
  name: 'agreement-metrics',
  matches: ({ manifest }) => Array.isArray(manifest.scalars?.cluster_cases),
  async check(fixture, host) {
    const compare = checking(fixture), { scalars } = fixture.manifest, numbers = (key: string) => Array.from(compare.given(key).data, Number);
    for (const [i, expected] of (scalars.cluster_cases as Readonly<Record<string, number>>[]).entries()) {
      const ours = agreement(numbers(`case${i}/clusters`), numbers(`case${i}/classes`));
      for (const [theirs, name] of Object.entries(AGREEMENT)) compare.scalar(`agreement: ${name}`, expected[theirs]!, ours[name]!, 1e-9);
    }
    for (const [i, expected] of (scalars.kl_cases as Readonly<Record<'classes' | 'modes' | 'reverse_kl_log10' | 'reverse_kl_nats', number>>[]).entries()) {
      const counts = numbers(`kl${i}/counts`), { reverse_kl, reverse_kl_log10 } = reverseKls(counts);
      compare.exact('histograms: classes and modes', [expected.classes, expected.modes], [counts.length, counts.filter((n) => n > 0).length]);
      compare.scalar('histograms: reverse KL, nats', expected.reverse_kl_nats, reverse_kl, 1e-9);
      compare.scalar('histograms: reverse KL, log10', expected.reverse_kl_log10, reverse_kl_log10, 1e-9);
    }
    const moments = [await momentsOf(host, compare.given('fd/a'), 'a'), await momentsOf(host, compare.given('fd/b'), 'b')] as const;
    const gap = moments[0].mean.reduce((sum, m, i) => sum + (m - moments[1].mean[i]!) ** 2, 0);
    try {
      const distance = await frechetDistance(host, ...moments);
      compare.scalar('Frechet distance', scalars.frechet_total, distance, scalarTolerance(scalars.frechet_total));
      compare.scalar('Frechet distance, of the means', scalars.frechet_mean_part, gap, scalarTolerance(scalars.frechet_mean_part));
      compare.scalar('Frechet distance, of the covariances', scalars.frechet_cov_part, distance - gap, scalarTolerance(scalars.frechet_cov_part));
    } finally { host.release(moments.map(({ covariance }) => covariance as Resident)); }
    const scores = async (probabilities: TensorValue, splits: number) => {
      const sum = createScore('probabilities', { count: probabilities.dims[0]!, splits, remainder: 'spread', scores: 'probabilities' });
      await sum.add(tensor('f32', probabilities.dims, probabilities.data as Float32Array));
      return sum.finish();
    };
    for (const [name, splits] of Object.entries(SPLITS)) {
      const { mean, std } = await scores(compare.given('is/probs'), splits);
      compare.scalar(`Inception score, ${splits} splits`, scalars[name], mean, scalarTolerance(scalars[name]));
      if (splits > 1) compare.scalar('Inception score, deviation', scalars.inception_score_10_splits_std, std, scalarTolerance(scalars.inception_score_10_splits_std));
    }
    return compare.finished(/^yz\//, "the reference's own random numbers; ours are counter-based");
  },
};
