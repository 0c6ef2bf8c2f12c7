/** @file Trained partitioners of points, and the guides into their parts, for tests of what theorem 3 says of them. */
import type { SessionHost, State } from '../../engine/session/host.js';
import { keyedRandom } from '../../engine/session/keyed-random.js';
import { tensor, type TensorValue } from '../../engine/spec/value.js';
import { evaluate } from '../../engine/tensor/evaluate.js';
import { grad } from '../../engine/tensor/grad.js';
import { div, input, logSumExp, maximum, mean, mul, oneHot, relu, slice, sqrt, square, sub, sum } from '../../engine/tensor/ops/index.js';
import { program } from '../../engine/tensor/program.js';
import { bind, initialise } from '../../engine/tensor/scope.js';
import { whole } from '../../engine/tensor/slices.js';
import type { Tensor } from '../../engine/tensor/tensor.js';
import { partitionerFunction, type Encoder, type Partition } from '../../engine/training/encoder.js';
import { adagrad } from '../../plugins/optimisers/adagrad.js';

/** Equation 6: how far the other parts' logits exceed the wanted one's, summed. Logits f32[N,k], labels i64[N], to f32[N]. */
export const guideOf = (logit: Tensor, label: Tensor): Tensor => sum(relu(sub(logit, picked(logit, label))), 1);
const picked = (logit: Tensor, label: Tensor) => sum(mul(logit, oneHot(label, logit.dims[1] as number)), 1, true);

const f32 = (...dims: readonly (number | string)[]) => ({ dtype: 'f32' as const, dims });
const labelsOf = (labels: readonly number[]) => tensor('i64', [labels.length], BigInt64Array.from(labels, BigInt));
const pointsOf = (points: ArrayLike<number>) => tensor('f32', [points.length / 2, 2], Float32Array.from(points));

export interface Sample { readonly points: Float32Array; readonly labels: readonly number[] }
/** Points of modes on a square grid as in the 2-D experiments of Partition-Guided GANs (a hundred apart, deviation 2.5), labelled by mode: what k-means gives. */
export function gridSample(side: number, each: number, seed: number): Sample {
  const labels = Array.from({ length: side * side * each }, (_, i) => i % (side * side)), noise = keyedRandom(seed, 'test', 0, 'grid').normal(2 * labels.length);
  const mean = (i: number) => 100 * i - 50 * (side - 1);
  return { labels, points: Float32Array.from(noise, (v, i) => 2.5 * v + mean(i % 2 ? labels[i >> 1]! % side : Math.floor(labels[i >> 1]! / side))) };
}

/** A partitioner of points, with its weights. */
export interface Guide {
  readonly encoder: Encoder;
  readonly config: object;
  readonly parts: number;
  readonly parameters: TensorValue;
  apply(parameters: Tensor, points: Tensor): Partition;
}

/** A partitioner of points as it is drawn at first. */
export function untrained(encoder: Encoder, parts: number, seed: number, settings: object = {}): Guide {
  const config = encoder.config.parse({ type: encoder.name, ...settings }), { layout, apply } = partitionerFunction({ encoder: encoder.name, config, image: [2], parts, head: 'linear' }, encoder);
  const flat = whole(initialise(layout.parameters, (name) => keyedRandom(seed, 'test', 0, name)));
  return { encoder, config, parts, parameters: tensor('f32', [flat.length], flat), apply: (parameters, points) => apply(bind('S', layout, parameters, undefined).scope(false), points) };
}

/** Trains by cross-entropy with Adagrad, as the published partitioners of points are; all points at every step. */
export async function trained(host: SessionHost, guide: Guide, { points, labels }: Sample, steps: number): Promise<Guide> {
  const config = adagrad.config.parse({ type: 'adagrad', lr: 0.07 }), size = guide.parameters.data.length;
  const step = await host.compile(program('train', { parameters: f32(size), sum: f32(size) }, { points: f32(labels.length, 2), label: { dtype: 'i64', dims: [labels.length] }, rate: f32() }, (state, feeds) => {
    const { logit } = guide.apply(state.parameters, feeds.points), loss = mean(sub(logSumExp(logit, 1, true), picked(logit, feeds.label)));
    const { parameters, moments } = adagrad.update(config, state.parameters, grad(loss, [state.parameters])[0]!, { sum: state.sum }, [feeds.rate]);
    return { next: { parameters, sum: moments.sum! }, outputs: { loss } };
  }));
  const feeds = { points: pointsOf(points), label: labelsOf(labels), rate: tensor('f32', [], Float32Array.of(adagrad.scalars(config, 1, config.lr)[0]!)) };
  let state: State = { parameters: await host.put(guide.parameters), sum: await host.put(tensor('f32', [size], new Float32Array(size))) };
  for (let t = 0; t < steps; t++) ({ state } = await step.run(state, feeds));
  await step.release();
  return { ...guide, parameters: await host.get(state.parameters!) };
}

/** What a guide says at points, in float64: logits, its value towards each point's label, and its gradient there. */
export function looked(guide: Guide, points: ArrayLike<number>, labels: readonly number[]) {
  const at = input('points', f32(labels.length, 2)), label = input('label', { dtype: 'i64', dims: [labels.length] });
  const { feature, logit } = guide.apply(input('parameters', f32(guide.parameters.data.length)), at), value = guideOf(logit, label);
  const feeds = { parameters: guide.parameters, points: { dims: [labels.length, 2], data: points }, label: labelsOf(labels) };
  const [f, l, r, slope] = evaluate([feature, logit, value, grad(sum(value), [at])[0]!], feeds);
  return { feature: f!.data, logit: l!.data, value: r!.data, slope: slope!.data };
}

const UNROLLED = 20;
/** Which of the starts reach the part that they are labelled with, by steps down the guide of lengths 5 * 0.995^t whatever the gradient's length. */
export async function descended(host: SessionHost, guide: Guide, starts: ArrayLike<number>, labels: readonly number[], steps: number): Promise<readonly boolean[]> {
  const count = labels.length, run = await host.compile(program('descent', { parameters: f32(guide.parameters.data.length) }, { points: f32(count, 2), label: { dtype: 'i64', dims: [count] }, length: f32(UNROLLED) }, ({ parameters }, feeds) => {
    let at: Tensor = feeds.points;
    const value = (points: Tensor) => guideOf(guide.apply(parameters, points).logit, feeds.label);
    for (let t = 0; t < UNROLLED; t++) {
      const here = at, [slope] = grad(sum(value(here)), [here]), norm = sqrt(sum(square(slope!), 1, true));
      at = sub(here, mul(div(slope!, maximum(norm, 1e-12)), slice(feeds.length, 0, t, t + 1)));
    }
    return { outputs: { reached: at, left: value(at) } };
  }));
  let points = pointsOf(starts), left: TensorValue | undefined;
  const state = { parameters: await host.put(guide.parameters) };
  for (let t = 0; t < steps; t += UNROLLED) {
    const length = tensor('f32', [UNROLLED], Float32Array.from({ length: UNROLLED }, (_, i) => 5 * 0.995 ** (t + i)));
    ({ reached: points, left } = (await run.run(state, { points, label: labelsOf(labels), length })).outputs as { reached: TensorValue; left: TensorValue });
  }
  await run.release();
  return Array.from(left!.data as Float32Array, (value) => value === 0);
}

const ITERATIONS = 100;
/** The points that residual blocks take to these features: of y = x + g(x), x is the limit of x <- y - g(x), block by block from the last. */
export function inverted(guide: Guide, features: ArrayLike<number>): Float64Array {
  const { blocks, width } = guide.config as { readonly blocks: number; readonly width: number }, size = 5 * width + 2, count = features.length / 2;
  const one = untrained(guide.encoder, guide.parts, 0, { ...guide.config, blocks: 1 }), weights = guide.parameters.data as Float32Array, head = weights.subarray(blocks * size);
  const at = input('points', f32(count, 2)), { feature } = one.apply(input('parameters', f32(one.parameters.data.length)), at);
  let y = Float64Array.from(features);
  for (let block = blocks - 1; block >= 0; block--) {
    const parameters = { dims: one.parameters.dims as number[], data: Float32Array.of(...weights.subarray(block * size, (block + 1) * size), ...head) };
    let x = y;
    for (let k = 0; k < ITERATIONS; k++) {
      const { data } = evaluate([feature], { parameters, points: { dims: [count, 2], data: x } })[0]!;
      x = x.map((v, i) => y[i]! - (data[i]! - v));
    }
    y = x;
  }
  return y;
}

/** The rows of the linear layer at the end, one a part. */
export function rowsOf({ parameters, parts }: Guide, width: number): readonly (readonly number[])[] {
  const data = Array.from(parameters.data as Float32Array), from = data.length - parts - parts * width;
  return Array.from({ length: parts }, (_, c) => data.slice(from + c * width, from + (c + 1) * width));
}

/** The sum over a set of parts of how their rows differ from the wanted part's: what the guide's gradient is by the features. */
export const pull = (rows: readonly (readonly number[])[], label: number, violated: readonly number[]): readonly number[] =>
  rows[0]!.map((_, j) => violated.reduce((total, c) => total + rows[c]![j]! - rows[label]![j]!, 0));
