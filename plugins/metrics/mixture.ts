/** @file `metrics/mixture`: how well samples cover a known 2-D mixture (section 1.8 of the Self-Conditioned GAN facts). */
import { setImmediate as pause } from 'node:timers/promises';
import { z } from 'zod';
import { defineNode, fetched, inputError, type Dataset, type Metrics, type Picture, type Services, type Tensorial } from '../../engine/index.js';
import { reverseKls } from './divergence.js';

interface Mixture { readonly means: Float32Array; readonly variance: number }

/** Counts over a sample, gathered point by point. */
export interface Coverage {
  /** Points inside an axis-aligned box of 3 sigma around a mean, and inside a disc of 3 sigma. */
  readonly box: number;
  readonly disc: number;
  /** Points nearest to each mean. */
  readonly nearest: Float64Array;
  /** Points in each mode's box (the first that fits), and the sums and summed squares of their distances from it by axis, interleaved. */
  readonly inside: Float64Array;
  readonly sums: Float64Array;
  readonly squares: Float64Array;
}

/** Points between pauses: a few milliseconds at 25 modes. */
const SLICE = 10_000;

/** Counts points f32[N,2] against the modes. */
export async function cover(points: Float32Array, { means, variance }: Mixture): Promise<Coverage> {
  const modes = means.length / 2, reach = 3 * Math.sqrt(variance);
  const nearest = new Float64Array(modes), inside = new Float64Array(modes), sums = new Float64Array(2 * modes), squares = new Float64Array(2 * modes);
  let box = 0, disc = 0;
  for (let i = 0; i < points.length; i += 2) {
    if (i > 0 && i % (2 * SLICE) === 0) await pause();
    let best = 0, least = Infinity, boxed = -1;
    for (let mode = 0; mode < modes; mode++) {
      const dx = points[i]! - means[2 * mode]!, dy = points[i + 1]! - means[2 * mode + 1]!;
      const distance = dx * dx + dy * dy;
      if (distance < least) { least = distance; best = mode; }
      if (boxed < 0 && Math.abs(dx) < reach && Math.abs(dy) < reach) boxed = mode;
    }
    nearest[best]! += 1;
    if (least < reach * reach) disc += 1;
    if (boxed < 0) continue;
    box += 1;
    inside[boxed]! += 1;
    for (let axis = 0; axis < 2; axis++) {
      const d = points[i + axis]! - means[2 * boxed + axis]!;
      sums[2 * boxed + axis]! += d;
      squares[2 * boxed + axis]! += d * d;
    }
  }
  return { box, disc, nearest, inside, sums, squares };
}

/** Of each mode with at least two points in its box: their variance about their own mean, over both axes, divided by the data's. */
export function varianceRatios({ inside, sums, squares }: Coverage, variance: number): number[] {
  return Array.from(inside).flatMap((n, mode) => {
    if (n < 2) return [];
    const axis = (j: number) => (squares[j]! - sums[j]! ** 2 / n) / (n - 1);
    return [(axis(2 * mode) + axis(2 * mode + 1)) / 2 / variance];
  });
}

/**
 * The numbers of one sample of `count` points. `modes`: means with a point in their box; `high_quality_*`: share of points; `variance_ratio`: mean over modes
 * (a perfect sampler has 0.973, for the box cuts the tails).
 */
export function score(coverage: Coverage, count: number, variance: number): Metrics {
  const ratios = varianceRatios(coverage, variance);
  return {
    modes: coverage.inside.filter((n) => n > 0).length,
    high_quality_box: coverage.box / count,
    high_quality_disc: coverage.disc / count,
    ...reverseKls(coverage.nearest),
    ...(ratios.length === 0 ? {} : {
      variance_ratio: ratios.reduce((a, b) => a + b) / ratios.length, variance_ratio_min: Math.min(...ratios), variance_ratio_max: Math.max(...ratios),
    }),
  };
}

const SHOWN = 4000;
const pointsOf = async (services: Services, value: Tensorial) => (await fetched(services, value)).data as Float32Array;

export const mixture = defineNode({
  name: 'metrics/mixture',
  about: 'Modes, high quality, reverse KL and in-mode variance of samples of a 2-D mixture, with a scatter plot.',
  config: z.strictObject({ title: z.string().default('samples') }),
  inputs: { fake: 'f32[N,2]', dataset: { latest: '@dataset[L,2]' }, 'real?': 'f32[M,2]' },
  outputs: { metrics: '@metrics', picture: '@picture' },
  start: ({ title }) => ({
    state: {},
    async step(state, { fake, dataset, real }, { node, services }) {
      const truth = (dataset as Dataset).mixture;
      if (!truth) throw inputError(`nodes.${node}.in.dataset`, `${(dataset as Dataset).name} has no known modes; a mixture is wanted (data/mixture)`);
      const points = await pointsOf(services, fake);
      const shown = { name: 'fake', points: points.slice(0, 2 * SHOWN) };
      const picture: Picture = {
        kind: 'scatter', title,
        series: real ? [{ name: 'real', points: (await pointsOf(services, real)).slice(0, 2 * SHOWN) }, shown] : [shown],
      };
      return { state, outputs: { metrics: score(await cover(points, truth), points.length / 2, truth.variance), picture } };
    },
  }),
});
