/** @file Every differentiable operator's gradient, against differences of the float64 interpreter: of the value, then of the gradient itself. */
import { evaluate, type Feed } from '../../engine/tensor/evaluate.js';
import { grad } from '../../engine/tensor/grad.js';
import { operators } from '../../engine/tensor/ops/index.js';
import { topological, type Tensor } from '../../engine/tensor/tensor.js';
import { seeded } from './cases/case.js';
import { trace, weighed } from './cases/trace.js';
import { cases } from './cases/index.js';

const SEED = 20260;
/** The largest difference between a gradient and central differences of its value, relative to the gradient's size. */
function worst(value: Tensor, by: readonly Tensor[], feeds: Readonly<Record<string, Feed>>): number {
  const gradients = evaluate(grad(value, by), feeds);
  let error = 0, size = 1;
  by.forEach((t, k) => {
    const name = t.equation.attrs.name as string, at = feeds[name]!, data = at.data as Float64Array;
    for (let i = 0; i < data.length; i++) {
      const h = 1e-5 * Math.max(1, Math.abs(data[i]!));
      const [up, down] = [h, -h].map((step) => {
        const moved = data.slice();
        moved[i]! += step;
        return evaluate([value], { ...feeds, [name]: { dims: at.dims, data: moved } })[0]!.data[0]!;
      });
      const expected = (up! - down!) / (2 * h);
      error = Math.max(error, Math.abs(gradients[k]!.data[i]! - expected));
      size = Math.max(size, Math.abs(expected));
    }
  });
  return error / size;
}

const differentiable = operators.filter((op) => op.vjp);

test('every operator has a case', () => {
  const covered = new Set(cases.map((c) => c.op));
  expect(operators.filter((op) => op.name !== 'input' && !covered.has(op)).map((op) => op.name)).toEqual([]);
});

test('operators without a gradient are known', () => {
  expect(operators.filter((op) => !op.vjp).map((op) => op.name).sort()).toEqual([
    'and', 'argMax', 'argMin', 'constant', 'equal', 'floor', 'greater', 'greaterEqual', 'input', 'less', 'lessEqual', 'not', 'or', 'sign', 'stopGradient',
  ]);
});

test.each(differentiable.map((op) => [op.name, op] as const))('%s (seed 20260)', (_, op) => {
  const random = seeded(SEED);
  for (const c of cases.filter((some) => some.op === op)) {
    const { outputs, feeds, by } = trace(c, random);
    expect(topological(outputs).some((equation) => equation.op === op)).toBe(true);
    const value = weighed(outputs, random);
    if (!by.length || !value) continue;
    expect(worst(value, by, feeds)).toBeLessThan(1e-7);
    if (!c.once) expect(worst(weighed(grad(value, by), random)!, by, feeds)).toBeLessThan(1e-6);
  }
});

test('a stopped gradient is zero', () => {
  const c = cases.find((some) => some.op.name === 'stopGradient')!;
  const random = seeded(SEED), { outputs, by, feeds } = trace(c, random);
  expect([...evaluate(grad(weighed(outputs, random)!, by), feeds)[0]!.data]).toEqual([0, 0, 0]);
});
