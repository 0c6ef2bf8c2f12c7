/** @file Largest and smallest elements along an axis, where they are, and the k largest. */
import { count, strides } from '../array.js';
import { axesOf, axisOf, numbers, reducedDims, withSize } from '../dims.js';
import type { NdArray, Op } from '../op.js';
import { apply, apply1, RuleError, type Tensor } from '../tensor.js';
import { div, mul } from './arithmetic.js';
import { cast } from './choice.js';
import { want } from './elementwise.js';
import { oneHot } from './gather.js';
import { equal } from './logic.js';
import { restored, sum } from './reduce.js';
import { reshape, transpose } from './shape.js';

/** Visits the elements along an axis, row by row: `visit(start, step, size, row)`. */
function rows({ dims }: NdArray, axis: number, visit: (start: number, step: number, size: number, row: number) => void): void {
  const size = dims[axis]!, step = strides(dims)[axis]!;
  for (let row = 0; row < count(dims) / size; row++) visit(Math.floor(row / step) * size * step + (row % step), step, size, row);
}
/** Where the first best element of each row is. */
function firstBest(x: NdArray, axis: number, better: (a: number, b: number) => boolean): Float64Array {
  const out = new Float64Array(count(x.dims) / x.dims[axis]!);
  rows(x, axis, (start, step, size, row) => {
    for (let i = 1; i < size; i++) if (better(x.data[start + i * step]!, x.data[start + out[row]! * step]!)) out[row] = i;
  });
  return out;
}

function extremum(name: string, onnx: string, better: (a: number, b: number) => boolean) {
  const position: Op = {
    name: `arg${name[0]!.toUpperCase()}${name.slice(1)}`,
    infer([x], { axis, keep }) {
      want('number', x!.dtype);
      return [{ dtype: 'i64', dims: reducedDims(x!.dims, [axis as number], keep as boolean) }];
    },
    eval: ([x], { axis }) => [firstBest(x!, axis as number, better)],
    lower: (emit, inputs, { attrs: { axis, keep } }) => emit.node(`Arg${onnx}`, inputs, { axis: axis as number, keepdims: Number(keep) }),
  };
  const value: Op = {
    name,
    infer([x], { axis, keep }) {
      want('number', x!.dtype);
      return [{ dtype: x!.dtype, dims: reducedDims(x!.dims, [axis as number], keep as boolean) }];
    },
    // Comparing with the kept value is four times as fast as going through positions, and sharing between equals is a subgradient, too.
    vjp({ inputs: [x], outputs: [best], attrs }, [ct]) {
      const axis = attrs.axis as number, wide = restored(best!, x!, [axis]), winners = cast(equal(x!, wide), ct!.dtype);
      return [mul(winners, div(restored(ct!, x!, [axis]), sum(winners, axis, true)))];
    },
    eval([x], { axis }) {
      const best = firstBest(x!, axis as number, better), out = new Float64Array(best.length);
      rows(x!, axis as number, (start, step, _, row) => { out[row] = x!.data[start + best[row]! * step]!; });
      return [out];
    },
    lower: (emit, [x], { attrs: { axis, keep } }) => emit.node(`Reduce${onnx}`, [x!, emit.constant('i64', [1], [axis as number])], { keepdims: Number(keep) }),
  };
  const along = (x: Tensor, axes?: number | readonly number[], keep = false): Tensor => {
    const over = axesOf(axes, x.rank);
    if (over.length === 0) return x;
    if (over.length === 1) return apply1(value, [x], { axis: over[0]!, keep });
    const rest = x.dims.map((_, i) => i).filter((i) => !over.includes(i));
    const last = reshape(transpose(x, [...rest, ...over]), [...rest.map((i) => x.dims[i]!), -1]);
    return reshape(apply1(value, [last], { axis: rest.length, keep: false }), reducedDims(x.dims, over, keep));
  };
  return {
    value: Object.assign(along, { op: value }),
    position: Object.assign((x: Tensor, axis: number, keep = false) => apply1(position, [x], { axis: axisOf(axis, x.rank), keep }), { op: position }),
  };
}
const largest = extremum('max', 'Max', (a, b) => a > b);
const smallest = extremum('min', 'Min', (a, b) => a < b);

/** The largest element over `axes` (all, unless given), which stay as 1 with `keep`. Equals share the gradient. */
export const max = largest.value;
/** The smallest element over `axes` (all, unless given), which stay as 1 with `keep`. Equals share the gradient. */
export const min = smallest.value;
/** Where along an axis the first largest element is, i64. */
export const argMax = largest.position;
/** Where along an axis the first smallest element is, i64. */
export const argMin = smallest.position;

export const topKOp: Op = {
  name: 'topK',
  infer([x], { k, axis }) {
    want('number', x!.dtype);
    const size = x!.dims[axis as number]!;
    if (!((k as number) >= 1) || (typeof size === 'number' && (k as number) > size)) throw new RuleError(`there is no top ${k} of ${size}`);
    const dims = withSize(x!.dims, axis as number, k as number);
    return [{ dtype: x!.dtype, dims }, { dtype: 'i64', dims }];
  },
  vjp({ inputs: [x], outputs: [, indices], attrs: { axis } }, [ct]) {
    if (!ct) return [undefined];
    // Each value's cotangent goes where the value came from: a new last axis says where, and takes the place of `axis`.
    const at = axis as number, [size] = numbers([x!.dims[at]!], 'the gradient of topK');
    const spread = sum(mul(reshape(ct, [...ct.dims, 1]), oneHot(indices!, size!, ct.dtype)), at);
    const order = x!.dims.map((_, i) => i).slice(0, -1);
    return [transpose(spread, [...order.slice(0, at), order.length, ...order.slice(at)])];
  },
  eval([x], { k, axis }, [dims]) {
    const values = new Float64Array(count(dims!)), indices = new Float64Array(values.length), n = k as number;
    rows(x!, axis as number, (start, step, size, row) => {
      const order = Array.from({ length: size }, (_, i) => i).sort((a, b) => x!.data[start + b * step]! - x!.data[start + a * step]! || a - b);
      const to = Math.floor(row / step) * n * step + (row % step);
      for (let i = 0; i < n; i++) {
        values[to + i * step] = x!.data[start + order[i]! * step]!;
        indices[to + i * step] = order[i]!;
      }
    });
    return [values, indices];
  },
  lower: (emit, [x], { attrs: { k, axis } }) => emit.node('TopK', [x!, emit.constant('i64', [1], [k as number])], { axis: axis as number }, 2),
};
/** The k largest elements along an axis (the last, unless given), largest first, and where they are. */
export function topK(x: Tensor, k: number, axis = -1): { readonly values: Tensor; readonly indices: Tensor } {
  const [values, indices] = apply(topKOp, [x], { k, axis: axisOf(axis, x.rank) });
  return { values: values!, indices: indices! };
}
