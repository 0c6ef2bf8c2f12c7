/** @file Pooling: sums over windows and their adjoint, which spreads; the largest of each window with the places it came from. */
import type { TensorShape } from '../../spec/tensor-type.js';
import { count } from '../array.js';
import { numbers } from '../dims.js';
import type { NdArray, Op } from '../op.js';
import { apply, apply1, RuleError, type Attributes, type Tensor } from '../tensor.js';
import { mul } from './arithmetic.js';
import { imageSize, meet, pair, resultSize, sides, type Geometry, type Pair, type Sides, type Windows } from './convolution-geometry.js';
import { lowerMaxPool, lowerWindowSpread, lowerWindowSum } from './pooling-lowering.js';
import { constant } from './source.js';

const kernelOf = (attrs: Attributes) => attrs.kernel as readonly [number, number];
const scaleOf = (attrs: Attributes) => attrs.scale as number;

/** Pooling is a convolution of every channel by itself with a kernel of ones. */
function geometry({ dims }: TensorShape, image: readonly [number, number, number], attrs: Attributes): Geometry {
  const windows = attrs as unknown as Windows, kernel = kernelOf(attrs), [channels, h, w] = image;
  const [oh, ow] = resultSize([h, w], kernel, windows);
  if (oh < 1 || ow < 1) throw new RuleError(`a ${kernel.join('x')} window does not fit into a padded ${h}x${w} image`);
  if (windows.pads.some((pad, i) => pad >= kernel[i % 2]!))
    throw new RuleError(`padding ${windows.pads} would give ${kernel.join('x')} windows outside the image`);
  return { ...windows, batch: dims[0]!, groups: channels, image, kernel, result: [channels, oh, ow] };
}
const forward = (x: TensorShape, attrs: Attributes): Geometry => geometry(x, imageSize(x, 'the image'), attrs);

function backward(dy: TensorShape, attrs: Attributes): Geometry {
  const [channels, p, q] = imageSize(dy, 'the cotangent'), [h, w] = attrs.size as readonly [number, number];
  const g = geometry(dy, [channels, h, w], attrs);
  if (g.result[1] !== p || g.result[2] !== q) throw new RuleError(`${h}x${w} has ${g.result[1]}x${g.result[2]} windows, not ${p}x${q}`);
  return g;
}
const shapeOf = ({ dims }: NdArray): TensorShape => ({ dtype: 'f64', dims });
const size = (t: Tensor) => t.dims.slice(2) as number[];

/** `scale` times the sum of each window. `[B,C,H,W]` gives `[B,C,P,Q]`. */
export const windowSumOp: Op = {
  name: 'windowSum',
  infer([x], attrs) {
    const { batch, result } = forward(x!, attrs);
    return [{ dtype: x!.dtype, dims: [batch, ...result] }];
  },
  vjp: ({ inputs: [x], attrs }, [ct]) => [apply1(windowSpreadOp, [ct!], { ...attrs, size: size(x!) })],
  eval([x], attrs, [dims]) {
    const y = new Float64Array(count(dims!)), scale = scaleOf(attrs);
    meet(x!.dims[0]!, forward(shapeOf(x!), attrs), (i, _, k) => { y[k]! += scale * x!.data[i]!; });
    return [y];
  },
  lower: (emit, [x], { inputs, attrs }) => [lowerWindowSum(emit, x!, forward(inputs[0]!.shape, attrs), scaleOf(attrs))],
};

/** The adjoint of `windowSum`: every element of an image of `size` gets `scale` times the sum of its windows. `[B,C,P,Q]` gives `[B,C,...size]`. */
export const windowSpreadOp: Op = {
  name: 'windowSpread',
  infer([dy], attrs) {
    const { batch, image } = backward(dy!, attrs);
    return [{ dtype: dy!.dtype, dims: [batch, ...image] }];
  },
  vjp({ attrs }, [ct]) {
    const { size: _, ...windows } = attrs;
    return [apply1(windowSumOp, [ct!], windows)];
  },
  eval([dy], attrs, [dims]) {
    const x = new Float64Array(count(dims!)), scale = scaleOf(attrs);
    meet(dy!.dims[0]!, backward(shapeOf(dy!), attrs), (i, _, k) => { x[i]! += scale * dy!.data[k]!; });
    return [x];
  },
  lower: (emit, [dy], { inputs, attrs }) => [lowerWindowSpread(emit, dy!, backward(inputs[0]!.shape, attrs), scaleOf(attrs))],
};

/** The largest element of each window, and its place in the whole of x, row-major: the first one's where several are equal. */
export const maxPoolOp: Op = {
  name: 'maxPool',
  infer([x], attrs) {
    const { batch, result } = forward(x!, attrs), dims = [batch, ...result];
    return [{ dtype: x!.dtype, dims }, { dtype: 'i64', dims }];
  },
  vjp: ({ inputs: [x], outputs: [, places] }, [ct]) => [ct && apply1(putOp, [ct, places!], { dims: x!.dims })],
  eval([x], attrs, [dims]) {
    const best = new Float64Array(count(dims!)).fill(-Infinity), places = new Float64Array(best.length).fill(-1);
    meet(x!.dims[0]!, forward(shapeOf(x!), attrs), (i, _, k) => {
      const v = x!.data[i]!;
      if (v > best[k]! || places[k]! < 0) { best[k] = v; places[k] = i; }
    });
    return [best, places];
  },
  lower: (emit, [x], { inputs, attrs }) => lowerMaxPool(emit, x!, forward(inputs[0]!.shape, attrs)),
};

/** The elements of x at places counted in the whole of x, row-major; of the places' sizes. */
export const takeOp: Op = {
  name: 'take',
  infer([x, places]) {
    if (places!.dtype !== 'i64') throw new RuleError(`places are i64, not ${places!.dtype}`);
    return [{ dtype: x!.dtype, dims: places!.dims }];
  },
  vjp: ({ inputs: [x, places] }, [ct]) => [apply1(putOp, [ct!, places!], { dims: x!.dims }), undefined],
  eval: ([x, places]) => [places!.data.map((at) => x!.data[at]!)],
  lower: (emit, [x, places]) => emit.node('Gather', [emit.node('Reshape', [x!, emit.constant('i64', [1], [-1])])[0]!, places!], { axis: 0 }),
};

/** The adjoint of `take`: zeros of `dims`, with the elements of x added at their places. */
export const putOp: Op = {
  name: 'put',
  infer: ([x, places], { dims }) => {
    if (places!.dims.join() !== x!.dims.join()) throw new RuleError(`places are [${places!.dims}], elements [${x!.dims}]`);
    return [{ dtype: x!.dtype, dims: numbers(dims as readonly (number | string)[], 'the adjoint of take') }];
  },
  vjp: ({ inputs: [, places] }, [ct]) => [apply1(takeOp, [ct!, places!]), undefined],
  eval([x, places], _, [dims]) {
    const out = new Float64Array(count(dims!));
    places!.data.forEach((at, i) => { out[at]! += x!.data[i]!; });
    return [out];
  },
  lower(emit, [x, places], { outputs: [out] }) {
    const dims = out!.dims as readonly number[], ints = (...v: number[]) => emit.constant('i64', [v.length], v);
    const flat = (name: string) => emit.node('Reshape', [name, ints(-1)])[0]!;
    const zeros = emit.node('Expand', [emit.constant(out!.dtype, [1], [0]), ints(count(dims))])[0]!;
    const filled = emit.node('ScatterElements', [zeros, flat(places!), flat(x!)], { axis: 0, reduction: 'add' })[0]!;
    return emit.node('Reshape', [filled, ints(...dims)]);
  },
};

export interface PoolingOptions {
  readonly kernel: Pair;
  /** The kernel's size unless given. */
  readonly stride?: Pair;
  readonly padding?: Sides;
}
export interface AveragePoolingOptions extends PoolingOptions {
  /** Whether windows over the border count its zeros, as torch's do; otherwise they average what lies inside. */
  readonly countIncludePad?: boolean;
}

const windowAttributes = ({ kernel, stride = kernel, padding = 0 }: PoolingOptions) =>
  ({ kernel: pair(kernel), strides: pair(stride), pads: sides(padding), dilations: [1, 1] as const });

/** The mean of each window: `[B,C,H,W]` gives `[B,C,P,Q]`, P = floor((H + top + bottom - kernel) / stride) + 1. The batch may be a symbol. */
export function averagePool(x: Tensor, options: AveragePoolingOptions): Tensor {
  const windows = windowAttributes(options), whole = 1 / (windows.kernel[0] * windows.kernel[1]);
  if (options.countIncludePad !== false || windows.pads.every((p) => p === 0)) return apply1(windowSumOp, [x], { ...windows, scale: whole });
  const sums = apply1(windowSumOp, [x], { ...windows, scale: 1 });
  const g = forward({ dtype: 'f64', dims: [1, 1, ...x.dims.slice(2)] }, windows), inside = new Float64Array(g.result[1] * g.result[2]);
  meet(1, g, (_i, _j, k) => { inside[k]! += 1; });
  return mul(sums, constant(inside.map((n) => 1 / n), x.dtype, [1, 1, g.result[1], g.result[2]]));
}

/** The largest of each window; its gradient goes to the first of equals. Sizes as in `averagePool`. */
export const maxPool = (x: Tensor, options: PoolingOptions): Tensor => apply(maxPoolOp, [x], windowAttributes(options))[0]!;

/** The mean over height and width, which stay as 1: `[B,C,H,W]` gives `[B,C,1,1]`. */
export const globalAveragePool = (x: Tensor): Tensor => averagePool(x, { kernel: size(x) as [number, number] });
