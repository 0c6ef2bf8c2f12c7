/** @file Broadcasting made explicit, and its gradient. Operators broadcast by themselves: gradients alone need these. */
import { spread } from '../array.js';
import { broadcastDims, numbers, sameDims, type Dims } from '../dims.js';
import type { Op } from '../op.js';
import { apply1, RuleError, type Tensor } from '../tensor.js';
import { sum } from './reduce.js';
import { reshape } from './shape.js';

export const broadcastOp: Op = {
  name: 'broadcastTo',
  infer([x], { dims }) {
    if (!sameDims(broadcastDims(x!.dims, dims as Dims), dims as Dims)) throw new RuleError(`[${x!.dims}] does not broadcast to [${dims}]`);
    return [{ dtype: x!.dtype, dims: dims as Dims }];
  },
  vjp: ({ inputs: [x] }, [ct]) => [sumTo(ct!, x!.dims)],
  eval: ([x], _, [dims]) => [spread(x!, dims!)],
  lower(emit, [x], { outputs: [out] }) {
    const dims = numbers(out!.dims, 'broadcastTo');
    return emit.node('Expand', [x!, emit.constant('i64', [dims.length], dims)]);
  },
};
/** x repeated to `dims`. `simplify` removes it wherever the operators that read it broadcast by themselves. */
export const broadcastTo = (x: Tensor, dims: Dims): Tensor => (sameDims(x.dims, dims) ? x : apply1(broadcastOp, [x], { dims }));

/** x summed over the axes along which `dims` would be repeated: the gradient of broadcasting. */
export function sumTo(x: Tensor, dims: Dims): Tensor {
  if (sameDims(x.dims, dims)) return x;
  const extra = x.rank - dims.length;
  const axes = x.dims.flatMap((d, i) => (i < extra || (dims[i - extra] === 1 && d !== 1) ? [i] : []));
  const leading = axes.every((axis) => axis < extra);
  return leading ? sum(x, axes) : reshape(sum(x, axes, true), dims);
}
