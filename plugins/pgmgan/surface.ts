/** @file `pgmgan/surface`: the guide into a part of the plane, drawn as a surface with the ways down it. Where a way ends outside the part, a generator gets stuck. */
import { z } from 'zod';
import {
  compiledOnce, constant, defineNode, fetched, grad, inputError, input, neg, partition, partitionerOf, partitionerSymbols, sum, tensor,
  type Frame, type Partitioner, type Picture, type Program, type Services, type TensorValue,
} from '../../engine/index.js';
import { guide, guideReductions, type GuideReduction } from './losses.js';

/** The square around points x0 y0 …, `reach` times as wide. */
export function frameOf(points: Float32Array, reach: number): Frame {
  const low = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY], high = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
  points.forEach((v, i) => { low[i % 2] = Math.min(low[i % 2]!, v); high[i % 2] = Math.max(high[i % 2]!, v); });
  const [x, y] = [0, 1].map((axis) => (low[axis]! + high[axis]!) / 2) as [number, number];
  return { x, y, half: reach * Math.max(high[0]! - x, high[1]! - y) || 1 };
}

/** A mesh of `side` x `side` points from edge to edge of a square, row by row, from low x and low y. */
export const meshOf = ({ x, y, half }: Frame, side: number): Float32Array => {
  const at = (i: number) => 2 * half * i / (side - 1) - half;
  return Float32Array.from({ length: 2 * side * side }, (_, i) => (i % 2 ? y + at(Math.floor(i / 2 / side)) : x + at((i >> 1) % side)));
};

/** By how much a part's logit is above the largest of the others, for rows of k logits: 0 or more in the part, where the guide is 0. */
export const leads = (logits: Float32Array, k: number, part: number): Float32Array => Float32Array.from({ length: logits.length / k }, (_, n) => {
  let others = Number.NEGATIVE_INFINITY;
  for (let c = 0; c < k; c++) if (c !== part) others = Math.max(others, logits[n * k + c]!);
  return logits[n * k + part]! - others;
});

/** Heights of contours, 1, 2 and 5 times powers of ten below 0 over some two decades: even ones would show the far slopes alone, and not what happens around the part. */
export function levelsOf(height: Float32Array): number[] {
  const deepest = height.reduce((least, v) => Math.min(least, v), 0), top = Math.floor(Math.log10(-deepest));
  if (!Number.isFinite(top)) return [];
  return [top, top - 1, top - 2].flatMap((power) => [5, 2, 1].map((factor) => Number((-factor * 10 ** power).toPrecision(1)))).filter((level) => level > deepest).slice(0, 7);
}

/** The picture: heights -R, slopes and leads at a mesh's points, and the data's points with what leads they have. */
export function surfacePicture(given: {
  readonly title: string; readonly frame: Frame; readonly side: number; readonly every: number; readonly height: Float32Array; readonly slope: Float32Array;
  readonly lead: Float32Array; readonly points: Float32Array; readonly pointLead: Float32Array;
}): Picture {
  const { title, frame, side, every, height, slope, lead, points, pointLead } = given, mesh = meshOf(frame, side), arrows: number[] = [];
  // As far from one edge as from the other.
  const first = ((side - 1) % every) >> 1;
  for (let row = first; row < side; row += every) {
    for (let column = first; column < side; column += every) {
      const n = row * side + column;
      if (lead[n]! < 0) arrows.push(mesh[2 * n]!, mesh[2 * n + 1]!, slope[2 * n]!, slope[2 * n + 1]!);
    }
  }
  const those = (inside: boolean) => points.filter((_, i) => pointLead[i >> 1]! >= 0 === inside);
  return {
    kind: 'surface', title, frame, side, height, levels: levelsOf(height), region: { name: 'where the guide is 0', values: lead },
    arrows: { values: Float32Array.from(arrows), reach: 0.7 * every * 2 * frame.half / (side - 1) },
    series: [{ name: 'points of the part', points: those(true) }, { name: 'other points', points: those(false) }],
  };
}

/** Heights -R, their slopes and the logits at points f32[N,2], as a program of a frozen partitioner. */
function surfaceProgram(services: Services, { network }: Partitioner, count: number, part: number, reduction: GuideReduction): Program {
  const { inputs, apply } = partitionerSymbols(partitionerOf(services, network));
  const image = input('image', { dtype: 'f32', dims: [count, 2] }), { logit } = apply(image);
  const height = neg(guide(logit, constant([part], 'i64'), reduction));
  return { name: 'surface', inputs: { image, ...inputs }, state: {}, outputs: { height, slope: grad(sum(height), [image])[0]!, logit } };
}

export const surface = defineNode({
  name: 'pgmgan/surface',
  about: 'The guide into a part of the plane as a surface: contours, which way it leads, and the points of the part.',
  config: z.strictObject({
    part: z.int().min(0).default(0),
    reduction: z.enum(guideReductions).default('mean').describe('over parts: the paper\'s equation 6 sums, its code averages'),
    mesh: z.int().min(2).max(1000).default(150).describe('points along each side'),
    reach: z.number().positive().default(1.2).describe('side of the picture over the range of the points'),
    every: z.int().min(1).default(10).describe('an arrow at every so many points of the mesh; 17 in the published pictures'),
    title: z.string().optional(),
  }),
  inputs: { image: 'f32[N,2]', partitioner: { latest: '@partitioner[K,2]' } },
  outputs: { picture: '@picture' },
  start({ part, reduction, mesh: side, reach, every, title = `the guide into part ${part}, as heights -R` }, { node, size }) {
    if (part >= size('K')) throw inputError(`nodes.${node}.config.part`, `the partitioner has parts 0 to ${size('K') - 1}, not ${part}`);
    return {
      state: {},
      async step(state, inputs, { services }) {
        const partitioner = inputs.partitioner as Partitioner, { network } = partitioner, points = await fetched(services, inputs.image);
        const frame = frameOf(points.data as Float32Array, reach), mesh = tensor('f32', [side * side, 2], meshOf(frame, side));
        const key = `surface ${JSON.stringify({ network, side, part, reduction })}`;
        const run = await compiledOnce(services.host, key, () => surfaceProgram(services, partitioner, side * side, part, reduction));
        const { height, slope, logit } = (await run.run({}, { image: mesh, ...partitioner.state })).outputs as Readonly<Record<string, TensorValue>>;
        const { logit: own } = await partition(services, partitioner, points), leadOf = (logits: TensorValue) => leads(logits.data as Float32Array, network.parts, part);
        const picture = surfacePicture({
          title, frame, side, every, height: height!.data as Float32Array, slope: slope!.data as Float32Array, lead: leadOf(logit!),
          points: points.data as Float32Array, pointLead: leadOf(await fetched(services, own)),
        });
        return { state, outputs: { picture } };
      },
    };
  },
});
