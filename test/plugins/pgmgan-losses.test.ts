/** @file PGMGAN's losses: values by hand, gradients against differences, float32 where parts disagree completely, and what the guide says of a part. */
import path from 'node:path';
import { keyedRandom } from '../../engine/session/keyed-random.js';
import { createWorkerHost } from '../../engine/session/worker-host.js';
import { tensor, type TensorValue } from '../../engine/spec/value.js';
import { evaluate, type Feed } from '../../engine/tensor/evaluate.js';
import { grad } from '../../engine/tensor/grad.js';
import { add, input, mean, sum } from '../../engine/tensor/ops/index.js';
import { program } from '../../engine/tensor/program.js';
import type { Tensor } from '../../engine/tensor/tensor.js';
import { accepted, annealed, consistency, contrastive, entropyOfMean, guide, meanEntropy, partitionTerms, unitLength } from '../../plugins/pgmgan/losses.js';
import { readFixture } from '../parity/fixture.js';
import { partitionLosses } from '../parity/kinds/partition-losses.js';
import { shared, whenShared } from './rig.js';

const seed = 12, [B, K] = [5, 4];
const drawn = (name: string, count: number, scale = 2) => Array.from(keyedRandom(seed, 'test', 0, name).normal(count), (v) => v * scale);
const matrix = (name: string) => input(name, { dtype: 'f32', dims: [B, K] });
const a = matrix('a'), b = matrix('b');
const feeds: Record<string, Feed> = { a: { dims: [B, K], data: drawn('a', B * K) }, b: { dims: [B, K], data: drawn('b', B * K) } };
const value = (t: Tensor, from = feeds) => Array.from(evaluate([t], from)[0]!.data);

const rowsOf = (data: ArrayLike<number>, width: number) => Array.from({ length: data.length / width }, (_, i) => Array.from(data).slice(i * width, (i + 1) * width));
const softmaxOf = (row: readonly number[]) => { const e = row.map(Math.exp), total = e.reduce((x, y) => x + y); return e.map((v) => v / total); };
const average = (values: readonly number[]) => values.reduce((x, y) => x + y) / values.length;
const entropy = (p: readonly number[]) => -p.reduce((total, v) => total + v * Math.log(v), 0);
const dot = (x: readonly number[], y: readonly number[]) => x.reduce((total, v, i) => total + v * y[i]!, 0);
const [p, q] = [feeds.a!, feeds.b!].map(({ data }) => rowsOf(data as number[], K).map(softmaxOf)) as [number[][], number[][]];

test(`the partition's terms, by hand (seed ${seed})`, () => {
  const means = p[0]!.map((_, c) => average(p.map((row) => row[c]!)));
  expect(value(consistency(a, b))[0]).toBeCloseTo(average(p.map((row, i) => -Math.log(dot(row, q[i]!)))), 12);
  expect(value(entropyOfMean(a))[0]).toBeCloseTo(entropy(means), 12);
  expect(value(meanEntropy(a))[0]).toBeCloseTo(average(p.map(entropy)), 12);
  const terms = partitionTerms(a, b, { balance: 3, sample: 0.25 });
  expect(Object.fromEntries(Object.entries(terms).map(([name, t]) => [name, value(t as Tensor)[0]]))).toEqual({
    consistency: value(consistency(a, b))[0], balance: expect.closeTo(-3 * entropy(means), 12), sample: expect.closeTo(average(p.map(entropy)) / 4, 12),
  });
  expect(Object.keys(partitionTerms(a, b, { balance: 5, sample: 0 }))).toEqual(['consistency', 'balance']);
});

test(`the contrastive loss, by hand: the other view among everything but the image itself (seed ${seed})`, () => {
  const unit = (row: readonly number[]) => row.map((v) => v / Math.sqrt(dot(row, row)));
  const [first, second] = [feeds.a!, feeds.b!].map(({ data }) => rowsOf(data as number[], K).map(unit)) as [number[][], number[][]];
  const all = [...first, ...second];
  const expected = average(first.map((row, i) => {
    const others = all.filter((_, j) => j !== i).map((other) => Math.exp(dot(row, other) / 0.2));
    return -Math.log(Math.exp(dot(row, second[i]!) / 0.2) / others.reduce((x, y) => x + y));
  }));
  expect(value(contrastive(unitLength(a), unitLength(b), 0.2))[0]).toBeCloseTo(expected, 10);
});

const label = input('label', { dtype: 'i64', dims: [B] }), parts = { label: { dims: [B], data: [0, 3, 1, 2, 2] } };
test(`the guide sums (or averages) what is above the part's logit, and is 0 just where the image is accepted (seed ${seed})`, () => {
  const all = { ...feeds, ...parts };
  const expected = rowsOf(feeds.a!.data as number[], K).map((row, i) => row.reduce((total, v) => total + Math.max(0, v - row[parts.label.data[i]!]!), 0));
  value(guide(a, label, 'sum'), all).forEach((v, i) => { expect(v).toBeCloseTo(expected[i]!, 12); });
  value(guide(a, label, 'mean'), all).forEach((v, i) => { expect(v).toBeCloseTo(expected[i]! / K, 12); });
  const inside = value(accepted(a, label), all);
  expect(inside).toEqual(expected.map((v) => Number(v === 0)));
  expect(new Set(inside).size).toBe(2);
});

/** The largest difference between the gradient and central differences. */
function worst(loss: Tensor, by: readonly Tensor[], from: Record<string, Feed>): number {
  const slopes = evaluate(grad(loss, by), from);
  return Math.max(...by.flatMap((t, k) => {
    const name = t.equation.attrs.name as string, { dims, data } = from[name]!, h = 1e-5;
    const at = (i: number, step: number) => value(loss, { ...from, [name]: { dims, data: Array.from(data, (v, j) => Number(v) + (i === j ? step : 0)) } })[0]!;
    return Array.from(data, (_, i) => Math.abs(slopes[k]!.data[i]! - (at(i, h) - at(i, -h)) / (2 * h)));
  }));
}
test.each<[string, Tensor, readonly Tensor[]]>([
  ['equation 5', Object.values(partitionTerms(a, b)).reduce((x, y) => add(x, y)), [a, b]],
  ['contrastive', contrastive(unitLength(a), unitLength(b)), [a, b]],
  ['guide', mean(guide(a, label, 'sum')), [a]],
])(`gradients agree with differences: %s (seed ${seed})`, (_, loss, by) => {
  expect(worst(loss, by, { ...feeds, ...parts })).toBeLessThan(1e-6);
});

test('in float32, pairs that disagree completely still pull, up to e^-100; beyond, values stay finite and slopes are 0', async () => {
  const host = await createWorkerHost({ threads: 1 });
  try {
    const shape = { dtype: 'f32' as const, dims: [1, 2] };
    const executable = await host.compile(program('losses', {}, { a: shape, b: shape }, (_, { a, b }) => {
      const loss = Object.values(partitionTerms(a, b)).reduce((x, y) => add(x, y)), unit = sum(unitLength(a));
      return { outputs: { far: consistency(a, b), slope: grad(loss, [a])[0]!, total: loss, unit, zero: grad(unit, [a])[0]! } };
    }));
    const at = async (x: number) => {
      const { outputs } = await executable.run({}, { a: tensor('f32', [1, 2], Float32Array.of(x, 0)), b: tensor('f32', [1, 2], Float32Array.of(0, x)) });
      return Object.fromEntries(Object.entries(outputs).map(([name, v]) => [name, Array.from((v as TensorValue).data as Float32Array)]));
    };
    const apart = await at(90), beyond = await at(300), origin = await at(0);
    // The inner product is 2 e^-90, which float32 has; the slope of -log of it along a is (p - p o q / <p, q>) = ±1/2.
    expect(apart.far![0]).toBeCloseTo(90 - Math.LN2, 4);
    expect(apart.slope).toEqual([expect.closeTo(0.5, 4), expect.closeTo(-0.5, 4)]);
    expect(beyond.far).toEqual([100]);
    for (const numbers of [...Object.values(beyond), ...Object.values(origin)]) expect(numbers.every(Number.isFinite)).toBe(true);
    expect(beyond.slope).toEqual([expect.closeTo(0, 6), expect.closeTo(0, 6)]);
    await executable.release();
  } finally { await host.close(); }
});

test('a wave is a discriminator step: the published weight reaches its floor after 200,000 of them, four to a generator step', () => {
  const weight = annealed(6, -0.00012, 0.0001, 4);
  expect([0, 4, 100_000, 199_996, 200_000, 1e6].map(weight)).toEqual([6, 5.99988, 3, expect.closeTo(0.00012, 12), 0.0001, 0.0001]);
  expect(annealed(2, 0, 0)(1e9)).toBe(2);
});

whenShared('the published losses are ours', async () => {
  const host = await createWorkerHost({ threads: 1 });
  try {
    const groups = await partitionLosses.check(await readFixture(path.join(shared, 'fixtures/self-cond-and-pgmgan'), 'pg_losses'), host);
    expect(groups.filter((group) => !('pass' in group && group.pass))).toEqual([]);
    expect(groups.length).toBe(16);
  } finally { await host.close(); }
});
