/**
 * @file Theorem 3 of Partition-Guided GANs (section 2.10 of its facts): outside its part the guide of an invertible partitioner slopes at least by the bound, so that
 * descent arrives from everywhere, and parts are connected; a ReLU partitioner's guide has neither.
 */
import type { SessionHost } from '../../engine/session/host.js';
import { keyedRandom } from '../../engine/session/keyed-random.js';
import { createWorkerHost } from '../../engine/session/worker-host.js';
import { evaluate } from '../../engine/tensor/evaluate.js';
import { grad } from '../../engine/tensor/grad.js';
import { input, sum } from '../../engine/tensor/ops/index.js';
import { bind, initialise, sizeOf, type Layout } from '../../engine/tensor/scope.js';
import { whole } from '../../engine/tensor/slices.js';
import { partitionerFunction, type Encoder } from '../../engine/training/encoder.js';
import { lipschitzResnet } from '../../plugins/partitioners/lipschitz-resnet.js';
import { pointsLinear, pointsMlp, pointsResidual } from '../../plugins/partitioners/points.js';
import { descended, gridSample, guideOf, inverted, looked, pull, rowsOf, trained, untrained, type Guide } from './guides.js';

const seed = 31;
const range = (count: number) => Array.from({ length: count }, (_, i) => i);
const uniform = (name: string, count: number, within: number) => Float64Array.from(keyedRandom(seed, 'test', 0, name).uniform(count), (v) => within * (2 * v - 1));
const argMax = (row: ArrayLike<number>) => range(row.length).reduce((best, c) => (row[c]! > row[best]! ? c : best), 0);
const row = (data: Float64Array, i: number, width: number) => data.subarray(i * width, (i + 1) * width);

const PARTS = 5, LIPSCHITZ = 0.7, BLOCKS = 2;
const residual = { blocks: BLOCKS, width: 16, lipschitz: LIPSCHITZ };
/** The guides towards every part at random points, point by point. */
function everywhere(guide: Guide, count: number, within: number) {
  const at = uniform('points', 2 * count, within), points = Float64Array.from({ length: 2 * count * guide.parts }, (_, i) => at[2 * Math.floor(i / (2 * guide.parts)) + (i % 2)]!);
  return { points, labels: range(count * guide.parts).map((i) => i % guide.parts) };
}

const GUIDES: readonly (readonly [string, Encoder, object, number])[] = [['linear', pointsLinear, {}, 1], ['residual', pointsResidual, residual, (1 - LIPSCHITZ) ** BLOCKS]];

test.each([...GUIDES, ['ReLU', pointsMlp, {}, 0] as const])(`%s: the guide is 0 in its part and positive elsewhere, equation 7 (seed ${seed})`, (_, encoder, settings) => {
  const guide = untrained(encoder, PARTS, seed, settings), { points, labels } = everywhere(guide, 300, 5), { logit, value } = looked(guide, points, labels);
  labels.forEach((label, i) => { expect([value[i]! >= 0, value[i] === 0]).toEqual([true, argMax(row(logit, i, PARTS)) === label]); });
  expect(new Set(labels.filter((_, i) => value[i] === 0)).size).toBeGreaterThan(1);
});

test.each(GUIDES)(`%s: outside the part the slope is at least the bound (seed ${seed})`, (_, encoder, settings, least) => {
  const guide = untrained(encoder, PARTS, seed, settings), { points, labels } = everywhere(guide, 400, 5), { feature, logit, value, slope } = looked(guide, points, labels), rows = rowsOf(guide, 2);
  // Over all sets of parts that could be violated, and not only those that can: the smaller bound.
  const sets = range(PARTS).flatMap((label) => range(2 ** PARTS).map((bits) => ({ label, violated: range(PARTS).filter((c) => c !== label && (bits >> c) & 1) }))).filter(({ violated }) => violated.length);
  const bound = least * Math.min(...sets.map(({ label, violated }) => Math.hypot(...pull(rows, label, violated))));
  expect(bound).toBeGreaterThan(1e-4);
  const outside = labels.flatMap((label, i) => (value[i]! > 0 ? [{ label, i, size: Math.hypot(...row(slope, i, 2)) }] : []));
  expect(Math.min(...outside.map(({ size }) => size))).toBeGreaterThanOrEqual(bound);
  // And at each point by what is violated there, which for the linear guide is the slope itself.
  for (const { label, i, size } of outside) {
    const logits = row(logit, i, PARTS), own = Math.hypot(...pull(rows, label, range(PARTS).filter((c) => logits[c]! > logits[label]!)));
    expect(size).toBeGreaterThanOrEqual(least * own * (1 - 1e-9));
    if (encoder === pointsLinear) expect(size / own).toBeCloseTo(1, 9);
  }
  // |f(x) - f(y)| >= m |x - y|, of neighbours among the random points.
  const apart = (data: Float64Array, i: number, j: number) => Math.hypot(data[2 * i]! - data[2 * j]!, data[2 * i + 1]! - data[2 * j + 1]!);
  for (const i of range(399)) expect(apart(feature, i * PARTS, (i + 1) * PARTS)).toBeGreaterThanOrEqual(least * apart(points, i * PARTS, (i + 1) * PARTS) * (1 - 1e-9));
});

test(`images of segments between features of a part stay in it: parts are connected (seed ${seed})`, () => {
  const guide = untrained(pointsResidual, PARTS, seed, residual), { points, labels } = everywhere(guide, 60, 5), { feature, value } = looked(guide, points, labels);
  const STEPS = 9, pairs = range(PARTS).flatMap((label) => {
    const inside = range(labels.length).filter((i) => labels[i] === label && value[i] === 0);
    return inside.slice(1).map((b, n) => ({ label, a: inside[n]!, b }));
  });
  expect(pairs.length).toBeGreaterThan(30);
  const along = pairs.flatMap(({ a, b }) => range(STEPS).flatMap((t) => [0, 1].map((j) => feature[2 * a + j]! + (t / (STEPS - 1)) * (feature[2 * b + j]! - feature[2 * a + j]!))));
  const back = inverted(guide, along), there = looked(guide, back, pairs.flatMap(({ label }) => Array<number>(STEPS).fill(label)));
  expect(Math.max(...there.value)).toBeLessThan(1e-9);
  const ends = pairs.flatMap(({ a, b }, n) => [[a, n * STEPS], [b, (n + 1) * STEPS - 1]] as const);
  for (const [end, at] of ends) for (const j of [0, 1]) expect(back[2 * at + j]).toBeCloseTo(points[2 * end + j]!, 9);
  expect(Math.max(...there.feature.map((f, i) => Math.abs(f - along[i]!)))).toBeLessThan(1e-9);
});

describe('descent, whatever the slope, on a grid of 25 modes', () => {
  const SIDE = 5, STARTS = 8, sample = gridSample(SIDE, 8, seed);
  let host: SessionHost;
  beforeAll(async () => { host = await createWorkerHost({ threads: 1 }); });
  afterAll(() => host.close());

  /** The share of starts all over the plane that reach a part, over the parts that hold points of the sample. */
  async function share(encoder: Encoder, settings: object): Promise<number> {
    const parts = SIDE * SIDE, guide = await trained(host, untrained(encoder, parts, seed, settings), sample, 800), { logit } = looked(guide, sample.points, sample.labels);
    const found = [...new Set(range(sample.labels.length).map((i) => argMax(row(logit, i, parts))))], labels = found.flatMap((label) => Array<number>(STARTS).fill(label));
    expect(found.length).toBeGreaterThan(20);
    const reached = await descended(host, guide, uniform('starts', 2 * labels.length, 50 * SIDE), labels, 600);
    return reached.filter(Boolean).length / reached.length;
  }

  test.each(GUIDES)(`%s: arrives from all starts (seed ${seed})`, async (_, encoder, settings) => {
    expect(await share(encoder, settings)).toBe(1);
  }, 60_000);
  test(`ReLU: stays outside from many (seed ${seed})`, async () => {
    expect(await share(pointsMlp, {})).toBeLessThan(0.8);
  }, 60_000);
});

test(`images: outside the part the Lipschitz network's slope is at least the bound that its pooled head leaves (seed ${seed})`, () => {
  const COUNT = 6, IMAGE = [1, 4, 4], FEATURES = 5, config = lipschitzResnet.config.parse({ type: 'lipschitz-resnet', blocks: [1, 1], strides: [1, 2], channels: 4, features: FEATURES, iterations: 60 });
  const { layout, apply } = partitionerFunction({ encoder: lipschitzResnet.name, config, image: IMAGE, parts: 3, head: 'linear' }, lipschitzResnet);
  const symbol = (kind: keyof Layout) => input(kind, { dtype: 'f32', dims: [sizeOf(layout[kind])] }), image = input('image', { dtype: 'f32', dims: [COUNT * 3, ...IMAGE] }), label = input('label', { dtype: 'i64', dims: [COUNT * 3] });
  const draws = keyedRandom(seed, 'test', 0, 'images').normal(COUNT * 16), vector = (kind: keyof Layout) => ({ dims: [sizeOf(layout[kind])], data: whole(initialise(layout[kind], (name) => keyedRandom(seed, 'test', 0, name))) as ArrayLike<number> });
  const labels = range(COUNT * 3).map((i) => i % 3), feeds = { parameters: vector('parameters'), buffers: vector('buffers'), label: { dims: [COUNT * 3], data: labels }, image: { dims: [COUNT * 3, ...IMAGE], data: range(COUNT * 48).map((i) => draws[16 * Math.floor(i / 48) + (i % 16)]!) } };
  // Weights large enough for their norms to be held down, and a pass in training for ActNorm, the norms and the statistics.
  feeds.parameters.data = Float64Array.from(feeds.parameters.data, (v) => 2 * v);
  const first = bind('S', layout, symbol('parameters'), symbol('buffers'));
  apply(first.scope(true), image);
  feeds.buffers.data = evaluate([first.buffers!], feeds)[0]!.data;
  const net = bind('S', layout, symbol('parameters'), symbol('buffers')), { logit } = apply(net.scope(false), image), value = guideOf(logit, label);
  const [logits, guides, slopes] = evaluate([logit, value, grad(sum(value), [image])[0]!], feeds).map(({ data }) => data) as [Float64Array, Float64Array, Float64Array];

  const leaf = (kind: keyof Layout, path: string) => {
    const at = layout[kind].findIndex((leaf) => leaf.path === path), from = sizeOf(layout[kind].slice(0, at));
    return Array.from(feeds[kind].data).slice(from, from + sizeOf([layout[kind][at]!]));
  };
  const scales = (block: number) => leaf('parameters', `trunk.block${block}.norm.log_scale`).map((s, c) => Math.exp(s + leaf('buffers', `trunk.block${block}.norm.offset_log_scale`)[c]!));
  const trunk = [1, 2].reduce((m, block) => m * (1 - config.coefficient ** 3) * Math.min(...scales(block)), 1);
  const gain = Math.min(...leaf('parameters', 'trunk.norm.weight').map((w, c) => Math.abs(w) / Math.sqrt(leaf('buffers', 'trunk.norm.running_var')[c]! + 1e-5)));
  const least = (trunk * 0.2 * gain) / Math.sqrt(4), rows = range(3).map((c) => leaf('parameters', 'head.weight').slice(c * FEATURES, (c + 1) * FEATURES)), out = leaf('parameters', 'trunk.out.weight');
  const outside = range(labels.length).filter((i) => guides[i]! > 0);
  expect(outside.length).toBeGreaterThan(COUNT);
  for (const i of outside) {
    const own = row(logits, i, 3), v = pull(rows, labels[i]!, range(3).filter((c) => own[c]! > own[labels[i]!]!)), channels = out.length / FEATURES;
    const pulled = Math.hypot(...range(channels).map((c) => v.reduce((total, w, j) => total + w * out[j * channels + c]!, 0))), size = Math.hypot(...row(slopes, i, 16));
    expect(least * pulled).toBeGreaterThan(0);
    expect(size).toBeGreaterThanOrEqual(least * pulled);
  }
});
