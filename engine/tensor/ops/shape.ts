/** @file The same elements in other sizes or another order. */
import type { Dim } from '../../spec/tensor-type.js';
import { offsets, pick, strides } from '../array.js';
import { axisOf, sameDims, type Dims } from '../dims.js';
import type { Op } from '../op.js';
import { apply1, RuleError, type Tensor } from '../tensor.js';

/** The numeric part of a number of elements and its symbols in order. */
function factors(dims: Dims): { size: number; symbols: readonly string[] } {
  const symbols = dims.filter((d) => typeof d === 'string').sort();
  return { size: dims.reduce<number>((n, d) => (typeof d === 'number' ? n * d : n), 1), symbols };
}

/** `to` with its -1, if any, replaced by what `from` leaves for it. */
function resolved(from: Dims, to: Dims): Dims {
  const have = factors(from), wanted = factors(to.filter((d) => d !== -1));
  const says = () => new RuleError(`[${from}] does not reshape to [${to}]: the numbers of elements differ`);
  const left = [...have.symbols];
  for (const symbol of wanted.symbols) {
    const at = left.indexOf(symbol);
    if (at < 0) throw says();
    left.splice(at, 1);
  }
  const open = to.filter((d) => d === -1).length, quotient = have.size / wanted.size;
  if (open > 1) throw new RuleError(`[${to}] has more than one -1`);
  if (open === 0) {
    if (quotient !== 1 || left.length) throw says();
    return to;
  }
  let rest: Dim;
  if (!left.length && Number.isInteger(quotient)) rest = quotient;
  else if (left.length === 1 && quotient === 1) rest = left[0]!;
  else throw says();
  return to.map((d) => (d === -1 ? rest : d));
}

export const reshapeOp: Op = {
  name: 'reshape',
  infer: ([x], { dims }) => [{ dtype: x!.dtype, dims: resolved(x!.dims, dims as Dims) }],
  vjp: ({ inputs: [x] }, [ct]) => [reshape(ct!, x!.dims)],
  eval: ([x]) => [x!.data],
  lower(emit, [x], { inputs: [from], outputs: [to] }) {
    // A symbol keeps its place (0) or is what the other sizes leave (-1).
    const target = to!.dims.map((d, i) => (typeof d === 'number' ? d : d === from!.dims[i] ? 0 : -1));
    if (target.filter((d) => d === -1).length > 1) throw new RuleError(`[${from!.dims}] to [${to!.dims}] moves more than one symbol`);
    return emit.node('Reshape', [x!, emit.constant('i64', [target.length], target)]);
  },
};
/** The same elements in row-major order with other sizes; one may be -1, symbols stay symbols. */
export const reshape = (x: Tensor, dims: Dims): Tensor => (sameDims(x.dims, dims) ? x : apply1(reshapeOp, [x], { dims }));

/** x with the axes from `from` on as one. */
export const flatten = (x: Tensor, from = 1): Tensor => reshape(x, [...x.dims.slice(0, from), -1]);

export const transposeOp: Op = {
  name: 'transpose',
  infer([x], { perm }) {
    const order = perm as readonly number[];
    if (order.length !== x!.dims.length || new Set(order).size !== order.length) throw new RuleError(`[${order}] is no order of ${x!.dims.length} axes`);
    return [{ dtype: x!.dtype, dims: order.map((axis) => x!.dims[axisOf(axis, order.length)]!) }];
  },
  vjp({ attrs: { perm } }, [ct]) {
    const order = perm as readonly number[];
    return [transpose(ct!, order.map((_, i) => order.indexOf(i)))];
  },
  eval([x], { perm }, [dims]) {
    const steps = strides(x!.dims);
    return [pick(x!.data, offsets(dims!, (perm as readonly number[]).map((axis) => steps[axis]!)))];
  },
  lower: (emit, inputs, { attrs: { perm } }) => emit.node('Transpose', inputs, { perm: perm as readonly number[] }),
};
/** x with its axes in the order `perm`: reversed, unless given. */
export function transpose(x: Tensor, perm: readonly number[] = x.dims.map((_, i) => x.rank - 1 - i)): Tensor {
  return perm.every((axis, i) => axis === i) && perm.length === x.rank ? x : apply1(transposeOp, [x], { perm: perm.map((axis) => (axis < 0 ? axis + x.rank : axis)) });
}
