/** @file Encoders of partitioners: sizes, leaves, what they refuse, bounds of their branches, that their programs run as the interpreter says, and the published ones where the fixtures are. */
import type { SessionHost } from '../../engine/session/host.js';
import { keyedRandom } from '../../engine/session/keyed-random.js';
import { createWorkerHost } from '../../engine/session/worker-host.js';
import { tensor, type TensorValue } from '../../engine/spec/value.js';
import { evaluate } from '../../engine/tensor/evaluate.js';
import { grad } from '../../engine/tensor/grad.js';
import { input, mean, square } from '../../engine/tensor/ops/index.js';
import { program } from '../../engine/tensor/program.js';
import { bind, initialise, sizeOf, type Layout } from '../../engine/tensor/scope.js';
import { whole } from '../../engine/tensor/slices.js';
import { partitionerFunction, type Encoder } from '../../engine/training/encoder.js';
import { lipschitzResnet } from '../../plugins/partitioners/lipschitz-resnet.js';
import { pointsLinear, pointsMlp, pointsResidual } from '../../plugins/partitioners/points.js';
import { resnetSmall } from '../../plugins/partitioners/resnet-small.js';
import type { Kind } from '../parity/fixture.js';
import { lipschitzPartitioner } from '../parity/kinds/lipschitz-partitioner.js';
import { partitionOps } from '../parity/kinds/partition-ops.js';
import { pointsPartitioner } from '../parity/kinds/points-partitioner.js';
import { expectPublished } from './published.js';
import { whenShared } from './rig.js';

const seed = 23;
const random = (name: string) => keyedRandom(seed, 'test', 0, name);
const made = (encoder: Encoder, image: readonly number[], parts: number, settings: object = {}) =>
  partitionerFunction({ encoder: encoder.name, config: encoder.config.parse({ type: encoder.name, ...settings }), image, parts, head: 'linear' }, encoder);
const parametersOf = ({ parameters }: Layout, prefix = '') => sizeOf(parameters.filter(({ path }) => path.startsWith(prefix)));

test("the Lipschitz network's defaults are the paper's: 20 blocks, 12.7 million parameters on images of 32x32", () => {
  const { layout } = made(lipschitzResnet, [3, 32, 32], 200);
  // Each block of C channels: two 3x3 kernels and a 1x1 of 160 channels, their biases, and ActNorm.
  const block = (c: number) => 2 * 9 * 160 * c + 160 * 160 + 160 + 160 + c + 2 * c, head = 2 * 768 + 768 * 512 + 512;
  expect(parametersOf(layout, 'trunk.')).toBe(4 * [3, 12, 48, 192, 768].reduce((total, c) => total + block(c), 0) + head);
  expect(parametersOf(layout, 'trunk.') / 1e6).toBeCloseTo(12.7, 1);
  expect(parametersOf(layout, 'head.')).toBe(513 * 200);
  expect(new Set(layout.parameters.map(({ path }) => /^trunk\.(block\d+)/.exec(path)?.[1]).filter(Boolean)).size).toBe(20);
  expect(layout.parameters.filter(({ path }) => /conv\d\.weight$/.test(path))).toHaveLength(60);
});

test('norms of a block that squeezes are on images before they are squeezed, and zeros join the channels', () => {
  const { layout } = made(lipschitzResnet, [3, 8, 8], 4, { blocks: [1, 2], strides: [1, 2], channels: [5, 6], padding: 2, features: 7 });
  const sizes = (kind: keyof Layout, pattern: RegExp) => layout[kind].filter(({ path }) => pattern.test(path)).map(({ dims }) => dims);
  expect(sizes('parameters', /conv[13]\.weight$/)).toEqual([[5, 3, 3, 5], [5, 3, 3, 5], [6, 3, 3, 20], [20, 3, 3, 6], [6, 3, 3, 20], [20, 3, 3, 6]]);
  expect(sizes('buffers', /conv1\.v$/)).toEqual([[1, 5, 8, 8], [1, 20, 8, 8], [1, 20, 4, 4]]);
  expect(sizes('buffers', /conv2\.[uv]$/)).toEqual([[1, 5], [1, 5], [1, 6], [1, 6], [1, 6], [1, 6]]);
});

test.each<[string, Encoder, readonly number[], object, string]>([
  ['sides that do not halve', lipschitzResnet, [3, 24, 24], {}, 'it wants images whose sides are multiples of 16'],
  ['points', lipschitzResnet, [2], {}, 'it wants images whose sides are multiples of 16'],
  ['strides of other stages', lipschitzResnet, [3, 32, 32], { strides: [1, 2] }, 'it has 5 stages by its blocks, 2 by its strides'],
  ['channels of other stages', lipschitzResnet, [3, 32, 32], { channels: [8] }, 'it has 5 stages by its blocks, 1 by its channels'],
  ['small images', resnetSmall, [3, 2, 2], {}, 'it wants images of at least 4x4'],
  ['images', pointsLinear, [3, 8, 8], {}, 'it takes points'],
  ['images', pointsMlp, [3, 8, 8], {}, 'it takes points'],
  ['points in space', pointsResidual, [3], {}, 'it takes points of the plane'],
])('%s: refused', (_, encoder, image, settings, says) => {
  expect(() => made(encoder, image, 4, settings)).toThrow(says);
});

test(`a residual branch of points is a contraction by its Lipschitz constant, whatever its weights (seed ${seed})`, () => {
  const { layout, apply } = made(pointsResidual, [2], 3, { blocks: 1, width: 8, lipschitz: 0.7 });
  const points = input('points', { dtype: 'f32', dims: ['N', 2] }), net = bind('S', layout, input('parameters', { dtype: 'f32', dims: [sizeOf(layout.parameters)] }), undefined);
  const { feature } = apply(net.scope(false), points), at = random('points').uniform(2 * 400).map((v) => 8 * v - 4);
  for (const size of [0.1, 1, 30]) {
    const parameters = { dims: [sizeOf(layout.parameters)], data: random(`weights ${size}`).normal(sizeOf(layout.parameters)).map((v) => v * size) };
    const g = evaluate([feature], { parameters, points: { dims: [400, 2], data: at } })[0]!.data.map((v, i) => v - at[i]!);
    const slopes = Array.from({ length: 200 }, (_, i) => Math.hypot(g[4 * i]! - g[4 * i + 2]!, g[4 * i + 1]! - g[4 * i + 3]!) / Math.hypot(at[4 * i]! - at[4 * i + 2]!, at[4 * i + 1]! - at[4 * i + 3]!));
    expect(Math.max(...slopes)).toBeLessThanOrEqual(0.7 + 1e-6);
    // Weights that are large enough are used up to the bound's order, not pressed far below it; small ones are left alone.
    if (size === 30) expect(Math.max(...slopes)).toBeGreaterThan(0.1);
  }
});

let host: SessionHost;
beforeAll(async () => { host = await createWorkerHost({ threads: 1 }); });
afterAll(() => host.close());

test.each(([
  [lipschitzResnet, [3, 4, 4], { blocks: [1, 2], strides: [1, 2], channels: 5, features: 6 }, 6],
  [resnetSmall, [3, 8, 8], { width: 4, blocks: [1, 2] }, 8],
  [pointsLinear, [2], {}, 2],
  [pointsMlp, [2], { widths: [5, 7] }, 7],
  [pointsResidual, [2], { blocks: 2, width: 6 }, 2],
] as const satisfies readonly (readonly [Encoder, readonly number[], object, number])[]).map((row) => [row[0].name, ...row] as const))(`%s: a training pass and its gradient on ONNX Runtime are the interpreter's (seed ${seed})`, async (_, encoder, image, settings, width) => {
  const { layout, apply } = made(encoder, image, 3, settings), batch = [4, ...image], f32 = (...dims: readonly number[]) => ({ dtype: 'f32' as const, dims });
  const states = { parameters: f32(sizeOf(layout.parameters)), ...(layout.buffers.length && { buffers: f32(sizeOf(layout.buffers)) }) };
  const traced = program('pass', states, { image: f32(...batch) }, (state: Readonly<Record<string, ReturnType<typeof input>>>, feeds) => {
    const net = bind('S', layout, state.parameters!, state.buffers), { feature, logit } = apply(net.scope(true), feeds.image);
    return { next: (net.buffers ? { buffers: net.buffers } : {}) as Record<string, typeof logit>, outputs: { feature, logit, gradient: grad(mean(square(logit)), [net.parameters])[0]! } };
  });
  const values: Record<string, TensorValue> = Object.fromEntries((['parameters', 'buffers'] as const).filter((kind) => layout[kind].length)
    .map((kind) => [kind, tensor('f32', [sizeOf(layout[kind])], whole(initialise(layout[kind], random)))]));
  const given = tensor('f32', batch, random('image').normal(batch.reduce((a, b) => a * b))), executable = await host.compile(traced);
  const { outputs, state } = await executable.run(Object.fromEntries(await Promise.all(Object.entries(values).map(async ([key, value]) => [key, await host.put(value)] as const))), { image: given });
  await executable.release();
  const names = Object.keys(traced.outputs), roots = [...Object.values(traced.outputs), ...(traced.state.buffers ? [traced.state.buffers.next] : [])];
  const expected = evaluate(roots, { ...values, image: given }) as { dims: readonly number[]; data: Float64Array }[];
  const got = [...names.map((name) => outputs[name] as TensorValue), ...(state.buffers ? [await host.get(state.buffers)] : [])];
  expect(got[0]!.dims).toEqual([4, width]);
  expect(got[1]!.dims).toEqual([4, 3]);
  got.forEach(({ data }, i) => {
    const largest = expected[i]!.data.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
    expect(largest).toBeGreaterThan(0);
    expect(Array.from(data, Number).reduce((most, v, j) => Math.max(most, Math.abs(v - expected[i]!.data[j]!)), 0)).toBeLessThan(1e-4 * largest);
  });
});

const FIXTURES: readonly (readonly [string, Kind, number])[] = [['pg_ops', partitionOps, 7], ['pg_toy', pointsPartitioner, 15], ['pg_lipschitz', lipschitzPartitioner, 21]];
for (const [name, kind, least] of FIXTURES) {
  whenShared(`${name}: what was published is ours`, () => expectPublished(kind, 'self-cond-and-pgmgan', name, host, least - 1), 180_000);
}
