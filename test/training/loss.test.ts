/** @file Losses: values by hand, no overflow in float32, and R1 against numeric gradients. */
import { createWorkerHost } from '../../engine/session/worker-host.js';
import { tensor, type TensorValue } from '../../engine/spec/value.js';
import { evaluate } from '../../engine/tensor/evaluate.js';
import { grad } from '../../engine/tensor/grad.js';
import { constant, input, matmul, mul, softplus, square, sum, tanh } from '../../engine/tensor/ops/index.js';
import { program } from '../../engine/tensor/program.js';
import type { Tensor } from '../../engine/tensor/tensor.js';
import { hinge, logistic, gradientPenalty, offDiagonalGram, squaredGradientNorm, wasserstein } from '../../engine/training/loss.js';
import { keyedRandom } from '../../engine/session/keyed-random.js';

const seed = 2;
const families = { logistic, hinge, wasserstein };
const value = (t: Tensor, feeds = {}) => Array.from(evaluate([t], feeds)[0]!.data);

test('values by hand', () => {
  const logit = constant([-2, 0, 0.5]), softplusOf = (x: number) => Math.log(1 + Math.exp(x));
  const average = (f: (x: number) => number) => [-2, 0, 0.5].map(f).reduce((a, b) => a + b) / 3;
  const expected: Readonly<Record<string, readonly [real: number, fake: number, fool: number]>> = {
    logistic: [average((x) => softplusOf(-x)), average(softplusOf), average((x) => softplusOf(-x))],
    hinge: [(3 + 1 + 0.5) / 3, (0 + 1 + 1.5) / 3, 0.5],
    wasserstein: [0.5, -0.5, 0.5],
  };
  for (const [name, { real, fake, fool }] of Object.entries(families)) {
    [real, fake, fool].forEach((loss, i) => {
      const t = loss(logit);
      expect(t.dims).toEqual([]);
      expect(value(t)[0]).toBeCloseTo(expected[name]![i]!, 12);
    });
  }
});

test('scores of 100 either way give finite float32 losses and the right slopes', async () => {
  const host = await createWorkerHost({ threads: 1 });
  try {
    const losses = Object.values(families).flatMap((family) => [family.real, family.fake, family.fool]);
    const executable = await host.compile(program('losses', {}, { logit: { dtype: 'f32', dims: [3] } }, (_, { logit }) => ({
      outputs: Object.fromEntries(losses.flatMap((loss, i) => [[`loss ${i}`, loss(logit)], [`slope ${i}`, grad(loss(logit), [logit])[0]!]])),
    })));
    const { outputs } = await executable.run({}, { logit: tensor('f32', [3], Float32Array.of(100, -100, 0)) });
    const numbers = (name: string) => Array.from((outputs[name] as TensorValue).data as Float32Array);
    for (const [i] of losses.entries()) expect([...numbers(`loss ${i}`), ...numbers(`slope ${i}`)].every(Number.isFinite)).toBe(true);
    expect(numbers('loss 0')[0]).toBeCloseTo((100 + Math.LN2) / 3, 4);
    expect(numbers('slope 0').map((s) => 3 * s)).toEqual([expect.closeTo(0, 6), expect.closeTo(-1, 6), expect.closeTo(-0.5, 6)]);
    expect(numbers('slope 1').map((s) => 3 * s)).toEqual([expect.closeTo(1, 6), expect.closeTo(0, 6), expect.closeTo(0.5, 6)]);
  } finally {
    await host.close();
  }
});

describe(`the gradient penalty (seed ${seed})`, () => {
  const [N, W] = [4, 3], random = (name: string, count: number) => Array.from(keyedRandom(seed, 'test', 0, name).normal(count));
  const weight = random('weight', W * 5), head = random('head', 5), at = random('image', N * W);
  const image = input('image', { dtype: 'f32', dims: [N, W] }), leaf = input('leaf', { dtype: 'f32', dims: [W, 5] });
  const logit = sum(mul(softplus(matmul(tanh(matmul(square(image), leaf)), constant(head, 'f32', [5, 1]))), 1), [1]);
  const feeds = (points: readonly number[], w = weight) => ({ image: { dims: [N, W], data: points }, leaf: { dims: [W, 5], data: w } });
  const nudged = (values: readonly number[], i: number, by: number) => values.map((v, j) => (j === i ? v + by : v));
  const slope = (f: (by: number) => number) => (f(1e-4) - f(-1e-4)) / 2e-4;

  test('is the weight times the mean squared gradient norm, without 1/2', () => {
    const total = (points: readonly number[]) => value(logit, feeds(points)).reduce((a, b) => a + b);
    const norms = Array.from({ length: N }, (_, n) => Array.from({ length: W }, (_, j) => slope((by) => total(nudged(at, n * W + j, by))) ** 2).reduce((a, b) => a + b));
    value(squaredGradientNorm(logit, image), feeds(at)).forEach((norm, n) => { expect(norm).toBeCloseTo(norms[n]!, 6); });
    expect(value(gradientPenalty(logit, image, { weight: 0.7, centre: 0 }), feeds(at))[0]).toBeCloseTo(0.7 * norms.reduce((a, b) => a + b) / N, 6);
  });

  test('centred at 1, norms of 1 cost nothing', () => {
    const norms = value(squaredGradientNorm(logit, image), feeds(at)).map(Math.sqrt);
    expect(value(gradientPenalty(logit, image, { weight: 3, centre: 1 }), feeds(at))[0]).toBeCloseTo(3 * norms.reduce((sum, norm) => sum + (norm - 1) ** 2, 0) / N, 9);
  });

  test.each([0, 1] as const)('has a gradient of its own, centred at %i', (centre) => {
    const penalty = gradientPenalty(logit, image, { weight: 2, centre }), slopes = value(grad(penalty, [leaf])[0]!, feeds(at));
    for (const i of weight.keys()) expect(slopes[i]).toBeCloseTo(slope((by) => value(penalty, feeds(at, nudged(weight, i, by)))[0]!), 5);
  });
});

test.each<[string, readonly number[]]>([['wide', [3, 5]], ['square', [4, 4]], ['tall', [7, 3]], ['a kernel, tall', [9, 2, 2, 1]]])(
  `the off-diagonal part of W W^T of a matrix, %s: half its squared norm, with the gradient 2 (W W^T o (1 - I)) W (seed ${seed})`, (_, dims) => {
    const size = dims.reduce((a, b) => a * b), rows = dims[0]!, columns = size / rows, w = Array.from(keyedRandom(seed, 'loss', 0, `w ${dims}`).normal(size));
    const at = (i: number, k: number) => w[i * columns + k]!, range = (count: number) => Array.from({ length: count }, (_, i) => i);
    const gram = range(rows).map((i) => range(rows).map((j) => (i === j ? 0 : range(columns).reduce((t, k) => t + at(i, k) * at(j, k), 0))));
    const weight = input('w', { dtype: 'f32', dims }), feeds = { w: { dims, data: Float64Array.from(w) } }, loss = offDiagonalGram([weight]);
    expect(value(loss, feeds)[0]).toBeCloseTo(gram.flat().reduce((t, v) => t + v * v, 0) / 2, 9);
    const slope = value(grad(loss, [weight])[0]!, feeds);
    for (const i of range(rows)) for (const k of range(columns)) expect(slope[i * columns + k]).toBeCloseTo(2 * gram[i]!.reduce((t, g, j) => t + g * at(j, k), 0), 9);
  },
);
