/**
 * @file Algebra of programs: for an equation whose inputs are simple already, a simpler way to write it.
 * Values are taken to be finite: x times 0 is 0. Gradients are traced before; stopGradient means nothing any more.
 */
import { count } from './array.js';
import { known, sameDims, type Dims } from './dims.js';
import {
  add, broadcastTo, concat, constant, matmul, mul, neg, reciprocal, reshape, slice, sqrt, square, sub, sum, transpose,
} from './ops/index.js';
import { apply1, type Equation, type Tensor } from './tensor.js';

type Rule = (equation: Equation) => Tensor | readonly Tensor[] | undefined;

/** The inputs of the equation that made `t`, if its operator is the one named. */
const from = (t: Tensor, op: string): readonly Tensor[] | undefined => (t.equation.op.name === op ? t.equation.inputs : undefined);
/** The one number that fills a constant. */
export const filling = (t: Tensor): number | undefined => {
  const value = t.equation.op.name === 'constant' ? t.equation.attrs.value : undefined;
  return typeof value === 'number' ? value : undefined;
};
/** `t` in the sizes of `out`; nothing when that wants sizes that are not known. */
const fit = (t: Tensor, { dims }: Tensor): Tensor | undefined =>
  sameDims(t.dims, dims) ? t : known(dims) ? broadcastTo(t, dims) : undefined;
const filled = (value: number, { dtype, dims }: Tensor): Tensor | undefined => (known(dims) ? constant(value, dtype, dims) : undefined);

const parts = ({ inputs: [x, y], outputs: [out] }: Equation) =>
  ({ x: x!, y: y!, out: out!, a: x && filling(x), b: y && filling(y) });

/** x as a multiple of something of its size. */
function scaled(x: Tensor): Scaled | undefined {
  const minus = from(x, 'neg'), product = from(x, 'mul'), by = product && filling(product[1]!);
  if (minus) return { source: minus[0]!, by: -1 };
  return by !== undefined && sameDims(product![0]!.dims, x.dims) ? { source: product![0]!, by } : undefined;
}
interface Scaled { readonly source: Tensor; readonly by: number }
const times = (x: Tensor, by: number): Tensor => (by === 1 ? x : by === -1 ? neg(x) : mul(x, by));
/** The product of a multiple of x by y with the factor where it meets the fewest elements. */
function regroup({ source, by }: Scaled, y: Tensor): Tensor | undefined {
  if (!known(source.dims) || !known(y.dims)) return undefined;
  const mine = count(source.dims), other = count(y.dims);
  if (mine > other) return mul(source, times(y, by));
  return mine === other && sameDims(source.dims, y.dims) ? times(mul(source, y), by) : undefined;
}

const RULES: Readonly<Record<string, Rule>> = {
  stopGradient: ({ inputs: [x] }) => x,
  cast: ({ inputs: [x], outputs: [out] }) => (x!.dtype === out!.dtype ? x : undefined),

  add(e) {
    const { x, y, out, a, b } = parts(e);
    if (b === 0) return fit(x, out);
    if (a === 0) return fit(y, out);
    const minusY = from(y, 'neg'), minusX = from(x, 'neg');
    if (minusY) return sub(x, minusY[0]!);
    return minusX && sub(y, minusX[0]!);
  },
  sub(e) {
    const { x, y, out, a, b } = parts(e);
    if (b === 0) return fit(x, out);
    if (a === 0) return fit(neg(y), out);
    const minusY = from(y, 'neg');
    return minusY && add(x, minusY[0]!);
  },
  neg({ inputs: [x] }) {
    const difference = from(x!, 'sub'), product = scaled(x!);
    return difference ? sub(difference[1]!, difference[0]!) : product && times(product.source, -product.by);
  },
  mul(e) {
    const { x, y, out, a, b } = parts(e);
    if (a !== undefined && b === undefined) return mul(y, x); // Constants stand on the right.
    if (b === 0) return filled(0, out);
    if (b === 1) return fit(x, out);
    if (b === -1) return fit(neg(x), out);
    if (x === y) return square(x);
    const left = scaled(x), right = scaled(y);
    if (left && b !== undefined) return times(left.source, left.by * b);
    return (left && regroup(left, y)) ?? (right && regroup(right, x));
  },
  div(e) {
    const { x, out, a, b } = parts(e);
    if (b === 1) return fit(x, out);
    return a === 0 ? filled(0, out) : undefined;
  },
  pow(e) {
    const { x, out, b } = parts(e);
    switch (b) {
      case 0: return filled(1, out);
      case 1: return fit(x, out);
      case 2: return fit(square(x), out);
      case 0.5: return fit(sqrt(x), out);
      case -1: return fit(reciprocal(x), out);
      default: return undefined;
    }
  },
  square: ({ inputs: [x] }) => { const inner = from(x!, 'neg') ?? from(x!, 'abs'); return inner && square(inner[0]!); },
  reciprocal: ({ inputs: [x] }) => from(x!, 'reciprocal')?.[0],
  where: ({ inputs: [, x, y], outputs: [out] }) => (x === y ? fit(x!, out!) : undefined),

  broadcastTo({ inputs: [x], outputs: [out] }) {
    const inner = from(x!, 'broadcastTo')?.[0] ?? x!;
    return inner !== x || sameDims(inner.dims, out!.dims) ? broadcastTo(inner, out!.dims) : undefined;
  },
  sum(e) {
    const whole = overNothing(e) ?? overMultiple(e), [x] = e.inputs, source = from(x!, 'broadcastTo')?.[0];
    if (whole || !source || !known(x!.dims)) return whole;
    const axes = e.attrs.axes as readonly number[], extra = x!.rank - source.rank;
    const own = axes.filter((axis) => axis >= extra), repeated = axes.filter((axis) => axis < extra || source.dims[axis - extra] === 1);
    const times = count(repeated.map((axis) => x!.dims[axis] as number));
    return broadcastTo(mul(sum(source, own.map((axis) => axis - extra), e.attrs.keep as boolean), times), e.outputs[0]!.dims);
  },
  mean: (e) => overNothing(e) ?? overMultiple(e), max: overNothing, min: overNothing, logSumExp: overNothing,

  reshape({ inputs: [x], outputs: [out], attrs }) {
    const inner = from(x!, 'reshape')?.[0] ?? x!, source = from(inner, 'broadcastTo')?.[0];
    if (source && known(source.dims) && count(source.dims) === 1) return broadcastTo(reshape(source, []), out!.dims);
    return inner !== x || sameDims(inner.dims, out!.dims) || !sameDims(attrs.dims as Dims, out!.dims) ? reshape(inner, out!.dims) : undefined;
  },
  transpose({ inputs: [x], attrs, outputs: [out] }) {
    const perm = attrs.perm as readonly number[], inner = from(x!, 'transpose')?.[0];
    if (inner) return transpose(inner, perm.map((axis) => (x!.equation.attrs.perm as readonly number[])[axis]!));
    const moved = perm.filter((axis) => x!.dims[axis] !== 1);
    return moved.every((axis, i) => i === 0 || axis > moved[i - 1]!) ? reshape(x!, out!.dims) : undefined;
  },
  matmul({ inputs: [a, b], attrs, outputs: [out] }) {
    let [x, y, transposeA, transposeB] = [a!, b!, attrs.transposeA as boolean, attrs.transposeB as boolean];
    if (swapsLast(x)) [x, transposeA] = [x.equation.inputs[0]!, !transposeA];
    if (swapsLast(y)) [y, transposeB] = [y.equation.inputs[0]!, !transposeB];
    if (x !== a || y !== b) return matmul(x, y, { transposeA, transposeB });
    if (known(out!.dims) && (filling(x) === 0 || filling(y) === 0)) return filled(0, out!);
    if (out!.rank === 2) {
      // A product with a filled matrix is a sum.
      const [right, left] = [filling(y), filling(x)];
      if (right !== undefined) return fit(mul(reshape(sum(x, transposeA ? 0 : 1), [out!.dims[0]!, 1]), right), out!);
      if (left !== undefined) return fit(mul(reshape(sum(y, transposeB ? 1 : 0), [1, out!.dims[1]!]), left), out!);
    }
    // One term to each sum: a product of a column and a row.
    const inner = x.dims[transposeA ? x.rank - 2 : x.rank - 1];
    return inner === 1 && out!.rank === 2 ? mul(reshape(x, [out!.dims[0]!, 1]), reshape(y, [1, out!.dims[1]!])) : undefined;
  },

  concat({ inputs: xs, attrs: { axis } }) {
    const whole = from(xs[0]!, 'split')?.[0];
    if (whole && xs[0]!.equation.attrs.axis === axis && xs.length === xs[0]!.equation.outputs.length && xs.every((x, i) => x === xs[0]!.equation.outputs[i])) return whole;
    const nested = (x: Tensor) => (x.equation.attrs.axis === axis ? from(x, 'concat') : undefined);
    return xs.some(nested) ? concat(xs.flatMap((x) => nested(x) ?? [x]), axis as number) : undefined;
  },
  split({ inputs: [x], attrs, outputs }) {
    const joined = x!.equation.attrs.axis === attrs.axis ? from(x!, 'concat') : undefined;
    return joined?.length === outputs.length && joined.every((part, i) => sameDims(part.dims, outputs[i]!.dims)) ? joined : undefined;
  },
  slice({ inputs: [x], attrs }) {
    const { axis, start, end, step } = attrs as Record<string, number>;
    const joined = x!.equation.attrs.axis === axis ? from(x!, 'concat') : undefined;
    let at = 0;
    for (const part of joined ?? []) {
      const size = part.dims[axis!] as number;
      if (start! >= at && end! <= at + size) return slice(part, axis!, start! - at, end! - at, step);
      at += size;
    }
    return undefined;
  },
};

/** A reduction over axes of one element moves nothing. */
function overNothing({ inputs: [x], outputs: [out], attrs: { axes, axis } }: Equation): Tensor | undefined {
  const over = (axes ?? [axis]) as readonly number[];
  return over.every((i) => x!.dims[i] === 1) ? reshape(x!, out!.dims) : undefined;
}
/** Sums and means of multiples. */
function overMultiple({ op, inputs: [x], attrs }: Equation): Tensor | undefined {
  const product = scaled(x!);
  return product && times(apply1(op, [product.source], attrs), product.by);
}
function swapsLast(t: Tensor): boolean {
  const perm = t.equation.op.name === 'transpose' ? t.equation.attrs.perm as readonly number[] : [];
  const n = perm.length;
  return n >= 2 && perm.every((axis, i) => axis === (i === n - 1 ? n - 2 : i === n - 2 ? n - 1 : i));
}

/** Operators that broadcast by themselves read the source of a broadcast; what is left of it comes after them. */
const sinkBroadcast: Rule = ({ op, inputs, attrs, outputs: [out] }) => {
  const sources = inputs.map((t) => {
    const value = filling(t);
    if (value !== undefined && t.rank) return constant(value, t.dtype);
    return from(t, 'broadcastTo')?.[0] ?? t;
  });
  if (sources.every((t, i) => t === inputs[i])) return undefined;
  return fit(apply1(op, sources, attrs), out!);
};

/** A simpler form of an equation's outputs, if there is one. */
export const rewrite: Rule = (equation) => RULES[equation.op.name]?.(equation) ?? (equation.op.elementwise ? sinkBroadcast(equation) : undefined);
