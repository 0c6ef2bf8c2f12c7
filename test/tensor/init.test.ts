/** @file Initialisers: torch's ranges and counts of inputs, orthogonality in float64, and moments of what is drawn. */
import { filled, normal, ones, orthogonal, sizedAs, torchWeight, uniform, xavier, zeros, type Initialiser } from '../../engine/tensor/init.js';
import { orthonormaliseRows } from '../../engine/tensor/orthonormal.js';
import { whole } from '../../engine/tensor/slices.js';
import { keyedRandom } from '../../engine/session/keyed-random.js';

const seed = 3;
const draw = (init: Initialiser, dims: readonly number[]) => init(dims, keyedRandom(seed, 'test', 0, 'leaf'));
const largest = (values: Float32Array) => values.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
const deviation = (values: Float32Array) => Math.sqrt(values.reduce((sum, x) => sum + x * x, 0) / values.length);

test.each<[string, Initialiser, readonly number[], number]>([
  ['torch, linear [out,in]', torchWeight, [40, 25], 1 / Math.sqrt(25)],
  ['torch, convolution [out,in,k,k]', torchWeight, [16, 8, 3, 3], 1 / Math.sqrt(8 * 9)],
  // torch counts the inputs of a transposed convolution from its second size, which is the output's.
  ['torch, transposed convolution [in,out,k,k]', torchWeight, [32, 4, 4, 4], 1 / Math.sqrt(4 * 16)],
  ['xavier, linear', xavier(), [40, 25], Math.sqrt(6 / 65)],
  ['xavier, convolution with gain', xavier(2), [16, 8, 3, 3], 2 * Math.sqrt(6 / (24 * 9))],
  ['uniform', uniform(0.3), [1000], 0.3],
])(`%s fills its bounds and stays within (seed ${seed})`, (_, init, dims, bound) => {
  const values = draw(init, dims);
  expect(values).toHaveLength(dims.reduce((a, b) => a * b));
  expect(largest(values)).toBeLessThanOrEqual(bound * (1 + 1e-6));
  expect(largest(values)).toBeGreaterThan(0.97 * bound);
  expect(deviation(values) / (bound / Math.sqrt(3))).toBeCloseTo(1, 1);
});

test(`normal has its deviation and no bias (seed ${seed})`, () => {
  const values = draw(normal(0.02), [100, 400]);
  expect(deviation(values) / 0.02).toBeCloseTo(1, 2);
  expect(values.reduce((a, b) => a + b, 0) / values.length).toBeCloseTo(0, 3);
});

test('constants', () => {
  expect([...draw(zeros, [2]), ...draw(ones, [2]), ...draw(filled(-0.5), [1, 2])]).toEqual([0, 0, 1, 1, -0.5, -0.5]);
});

test.each<[string, readonly number[], number]>([
  ['one row', [1, 7], 1], ['one column', [7, 1], 1], ['more rows than a block, more columns than a panel', [22, 600], 1],
  ['wide', [6, 20], 1], ['tall', [20, 6], 1], ['square, with gain', [9, 9], 1.5], ['a convolution, wide', [4, 3, 3, 3], 0.7], ['a convolution, tall', [32, 2, 3, 3], 1],
])(`orthogonal, %s: the shorter side's vectors are orthonormal up to the gain (seed ${seed})`, (_, dims, gain) => {
  const q = draw(orthogonal(gain), dims), rows = dims[0]!, columns = q.length / rows;
  const [vectors, length] = rows <= columns ? [rows, columns] : [columns, rows];
  const at = (v: number, i: number) => (rows <= columns ? q[v * columns + i]! : q[i * columns + v]!);
  for (let a = 0; a < vectors; a++) {
    for (let b = 0; b <= a; b++) {
      let dot = 0;
      for (let i = 0; i < length; i++) dot += at(a, i) * at(b, i);
      expect(Math.abs(dot - (a === b ? gain * gain : 0))).toBeLessThan(1e-6 * Math.max(1, gain * gain));
    }
  }
});

test(`orthogonal rows are those of Gram and Schmidt (seed ${seed})`, () => {
  const rows = 5, columns = 9, drawn = keyedRandom(seed, 'test', 0, 'leaf').normal(rows * columns), q = draw(orthogonal(), [rows, columns]);
  const basis: number[][] = [];
  for (let i = 0; i < rows; i++) {
    const v = Array.from(drawn.subarray(i * columns, (i + 1) * columns));
    for (const b of basis) { const dot = b.reduce((t, x, k) => t + x * v[k]!, 0); b.forEach((x, k) => { v[k]! -= dot * x; }); }
    const length = Math.hypot(...v);
    basis.push(v.map((x) => x / length));
  }
  basis.flat().forEach((x, i) => { expect(q[i]).toBeCloseTo(x, 6); });
});

test(`rows that nearly depend on each other take another pass; rows that do are refused (seed ${seed})`, () => {
  const length = 40, noise = keyedRandom(seed, 'test', 0, 'noise').normal(3 * length), near = Float64Array.from(noise, (v, i) => Math.sin(i % length) + 1e-5 * v);
  whole(orthonormaliseRows(near, 3, length));
  for (let a = 0; a < 3; a++) for (let b = 0; b < 3; b++) {
    let dot = 0;
    for (let k = 0; k < length; k++) dot += near[a * length + k]! * near[b * length + k]!;
    expect(dot).toBeCloseTo(a === b ? 1 : 0, 10);
  }
  expect(() => whole(orthonormaliseRows(Float64Array.from({ length: 80 }, (_, i) => Math.sin(i % 40)), 2, 40))).toThrow('row 1 depends on those before it');
  expect(() => whole(orthonormaliseRows(new Float64Array(6), 3, 2))).toThrow('3 rows of 2 numbers cannot be orthonormal');
});

test(`a wide layer comes in many slices, with the values that all at once gives (seed ${seed})`, () => {
  const slicesOf = (init: Initialiser, dims: readonly number[]) => {
    const slices = init.slices!(dims, keyedRandom(seed, 'test', 0, 'leaf'));
    for (let count = 1;; count++) {
      const { done, value } = slices.next();
      if (done) return { count, values: value };
    }
  };
  const rows = 64, dims = [rows, 128, 3, 3], { count, values } = slicesOf(orthogonal(), dims);
  // Draws of 65,536 numbers; four rows at a time of 256 columns, for products and for the solution; a column of the factor; a row of the result.
  expect(count).toBe(2 + 2 * (rows / 4) * Math.ceil(1152 / 256) + rows + rows + 1);
  expect(values).toEqual(draw(orthogonal(), dims));
  expect(draw(normal(), [70_001])).toEqual(keyedRandom(seed, 'test', 0, 'leaf').normal(70_001));
  expect(slicesOf(sizedAs([64, 1152], orthogonal()), [64, 9, 128]).values).toEqual(values);
  expect(slicesOf(uniform(1), [70_001]).values).toEqual(keyedRandom(seed, 'test', 0, 'leaf').uniform(70_001).map((x) => 2 * x - 1));
});
