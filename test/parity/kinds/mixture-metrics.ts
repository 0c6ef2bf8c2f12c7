/** @file Modes, high quality and reverse KL on points of the 2-D mixtures. Positions are the published code's; the variance is a case's own. */
import { cover, score } from '../../../plugins/metrics/mixture.js';
import { means } from '../../../plugins/data/mixture.js';
import { comparison, scalarTolerance } from '../comparison.js';
import type { Kind } from '../fixture.js';

interface Case { readonly name: string; readonly kind: 'ring' | 'grid'; readonly variance: number; readonly high_quality_fraction: number; readonly modes: number; readonly reverse_kl_nats: number }

export const mixtureMetrics: Kind = {
  name: 'mixture-metrics',
  matches: ({ manifest }) => /2d_mix\/evaluation/.test(manifest.source) && Array.isArray(manifest.scalars.cases),
  async check(fixture) {
    const compare = comparison(fixture);
    for (const one of fixture.manifest.scalars.cases as Case[]) {
      const points = Float32Array.from(fixture.arrays.get(`${one.name}/points`)!.data as Float32Array);
      const positions = means({ layout: one.kind, modes: 8, radius: 2, angle: 'sin-cos', side: 5, spacing: 2, points: 1, batch: 1 });
      const ours = score(await cover(points, { means: positions, variance: one.variance }), points.length / 2, one.variance);
      compare.exact(`${one.name}: modes`, [one.modes], [ours.modes!]);
      compare.scalar(`${one.name}: high quality`, one.high_quality_fraction, ours.high_quality_box!, 1e-9);
      compare.scalar(`${one.name}: reverse KL`, one.reverse_kl_nats, ours.reverse_kl!, scalarTolerance(one.reverse_kl_nats));
    }
    return compare.groups();
  },
};
