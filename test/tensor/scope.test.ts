/** @file Leaves by path and flat vectors: order, round trips, versions, buffers that chain through passes. */
import { ones, zeros } from '../../engine/tensor/init.js';
import { evaluate } from '../../engine/tensor/evaluate.js';
import { add, input, mul, sum } from '../../engine/tensor/ops/index.js';
import { bind, initialise, layoutOf, named, separate, sizeOf, type Leaf, type Scope } from '../../engine/tensor/scope.js';
import { whole } from '../../engine/tensor/slices.js';
import type { Tensor } from '../../engine/tensor/tensor.js';

const draws = { uniform: (n: number) => new Float32Array(n), normal: (n: number) => new Float32Array(n) };
const counting = (from: number) => (dims: readonly number[]) => Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => from + i);
const flat = (name: string, size: number) => input(name, { dtype: 'f32', dims: [size] });
const value = (t: Tensor, feeds: Readonly<Record<string, readonly number[]>>) =>
  Array.from(evaluate([t], Object.fromEntries(Object.entries(feeds).map(([name, data]) => [name, { dims: [data.length], data }])))[0]!.data);

/** Asks for leaves out of order, and for one of them twice. */
const network = (s: Scope) => {
  const matrix = s.at('b').parameter('matrix', [2, 2], counting(1));
  const count = s.at('a').buffer('count', [], zeros);
  const scale = s.parameter('scale', [], ones);
  count.next(add(count.value, 1));
  const again = s.at('b').parameter('matrix', [2, 2], counting(1));
  return { y: add(mul(sum(matrix), scale), count.value), same: matrix === again };
};
const paths = (leaves: readonly Leaf[]) => leaves.map(({ path }) => path);

test('a layout lists leaves by path, each once, in the order in which the network asks', () => {
  const layout = layoutOf(network);
  expect(paths(layout.parameters)).toEqual(['b.matrix', 'scale']);
  expect(paths(layout.buffers)).toEqual(['a.count']);
  expect(sizeOf(layout.parameters)).toBe(5);
  expect(separate(network).result.same).toBe(true);
});

test('first values are drawn by path, and lie in the flat vector in the order of the layout', () => {
  const asked: string[] = [];
  const vector = whole(initialise(layoutOf(network).parameters, (path) => { asked.push(path); return draws; }));
  expect([...vector]).toEqual([1, 2, 3, 4, 1]);
  expect(asked).toEqual(['b.matrix', 'scale']);
});

test('leaves are cut from the flat vector with their sizes', () => {
  const bound = bind('net', layoutOf(network), flat('p', 5), flat('s', 1));
  const matrix = bound.scope(false).at('b').parameter('matrix', [2, 2], zeros), scale = bound.scope(false).parameter('scale', [], zeros);
  expect([matrix.dims, scale.dims]).toEqual([[2, 2], []]);
  const feeds = { p: [10, 20, 30, 40, 5] };
  expect([value(matrix, feeds), value(scale, feeds)]).toEqual([[10, 20, 30, 40], [5]]);
});

test('a leaf that is read after an update is the new version; what was read before stays', () => {
  const bound = bind('net', layoutOf(network), flat('p', 5), flat('s', 1));
  const scope = bound.scope(true), before = scope.parameter('scale', [], zeros);
  bound.parameters = mul(bound.parameters, 2);
  const after = scope.parameter('scale', [], zeros);
  expect([value(before, { p: [0, 0, 0, 0, 3] }), value(after, { p: [0, 0, 0, 0, 3] })]).toEqual([[3], [6]]);
});

test('buffers chain through passes in training, and stay in evaluation', () => {
  const layout = layoutOf(network), feeds = { p: [1, 1, 1, 1, 1], s: [10] };
  const bound = bind('net', layout, flat('p', 5), flat('s', 1)), original = bound.buffers;
  network(bound.scope(false));
  expect(bound.buffers).toBe(original);
  const first = network(bound.scope(true)).y, second = network(bound.scope(true)).y;
  expect([value(first, feeds), value(second, feeds), value(bound.buffers!, feeds)]).toEqual([[15], [16], [12]]);
  expect(bound.buffers).toBe(bound.buffers);
});

test('a network without buffers has none', () => {
  const plain = (s: Scope) => s.parameter('weight', [3], zeros);
  const bound = bind('net', layoutOf(plain), flat('p', 3), undefined);
  plain(bound.scope(true));
  expect(bound.buffers).toBeUndefined();
});

test('a leaf that the layout does not have is named with its network', () => {
  const bound = bind('generator', layoutOf(network), flat('p', 5), flat('s', 1));
  expect(() => bound.scope(false).at('c').parameter('weight', [2], zeros)).toThrow('generator.c.weight: the network asks for a leaf that its layout does not have');
});

test('parts traced under a name show their path in errors', () => {
  const wrong = (s: Scope) => named('block', s.at('body'), (inner) => add(inner.parameter('w', [2], zeros), inner.parameter('v', [3], zeros)));
  expect(() => layoutOf(wrong)).toThrow(/body\.block: add\(f32\[2\], f32\[3\]\)/);
});

test('each leaf of a network traced for export is a symbol of its own name', () => {
  const { leaves, layout } = separate(network);
  expect([...leaves.keys()].sort()).toEqual([...paths(layout.parameters), ...paths(layout.buffers)].sort());
  for (const [path, symbol] of leaves) expect(symbol.equation.attrs.name).toBe(path);
});
