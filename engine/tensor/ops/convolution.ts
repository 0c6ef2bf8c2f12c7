/**
 * @file Convolution, its input gradient (the transposed convolution) and its weight gradient: three slots of one trilinear form. Each carries the
 * sizes of its result, so that every one's gradients are the other two.
 */
import type { TensorShape } from '../../spec/tensor-type.js';
import { count } from '../array.js';
import type { NdArray, Op } from '../op.js';
import { apply1, RuleError, type Attributes, type Tensor } from '../tensor.js';
import { geometry, imageSize, meet, pair, sides, windowsOf, type Geometry, type Pair, type Sides } from './convolution-geometry.js';
import { lowerConvolution, lowerInputGradient, lowerWeightGradient } from './convolution-lowering.js';

function kernelSize({ dims }: TensorShape): readonly [number, number, number, number] {
  if (dims.length !== 4 || dims.some((d) => typeof d !== 'number'))
    throw new RuleError(`a kernel wants four sizes that are numbers, got ${dims.join(',')}`);
  return dims as readonly [number, number, number, number];
}
const attribute = (attrs: Attributes, name: 'size' | 'kernel') => attrs[name] as readonly [number, number];
const sameType = (a: TensorShape, b: TensorShape) => {
  if (a.dtype !== b.dtype) throw new RuleError(`${a.dtype} and ${b.dtype} do not mix`);
  return a.dtype;
};
const sameBatch = (a: TensorShape, b: TensorShape) => {
  if (a.dims[0] !== b.dims[0]) throw new RuleError(`batches of ${a.dims[0]} and ${b.dims[0]} differ`);
};

const forward = (x: TensorShape, w: TensorShape, attrs: Attributes): Geometry =>
  geometry(x.dims[0]!, imageSize(x, 'the image'), kernelSize(w), undefined, attrs);

function backwardInput(dy: TensorShape, w: TensorShape, attrs: Attributes): Geometry {
  const result = imageSize(dy, 'the cotangent'), kernel = kernelSize(w);
  return geometry(dy.dims[0]!, [kernel[1] * windowsOf(attrs).groups, ...attribute(attrs, 'size')], kernel, result, attrs);
}

function backwardWeight(x: TensorShape, dy: TensorShape, attrs: Attributes): Geometry {
  sameBatch(x, dy);
  const image = imageSize(x, 'the image'), result = imageSize(dy, 'the cotangent'), { groups } = windowsOf(attrs);
  return geometry(x.dims[0]!, image, [result[0], image[0] / groups, ...attribute(attrs, 'kernel')], result, attrs);
}

const shapeOf = ({ dims }: NdArray): TensorShape => ({ dtype: 'f64', dims });
const without = (attrs: Attributes, name: string): Attributes => Object.fromEntries(Object.entries(attrs).filter(([key]) => key !== name));
const size = (t: Tensor) => t.dims.slice(2) as number[];

/** Images by kernels: `[B,C,H,W]` by `[O,C/groups,kh,kw]` gives `[B,O,P,Q]`; a third operand `[O]`, which the last pass before encoding puts there, is added to every place. */
export const convolutionOp: Op = {
  name: 'convolution',
  infer([x, w], attrs) {
    const { batch, result } = forward(x!, w!, attrs);
    return [{ dtype: sameType(x!, w!), dims: [batch, ...result] }];
  },
  vjp: ({ inputs: [x, w], attrs }, [ct]) => [inputGradient(ct!, w!, attrs, size(x!)), weightGradient(x!, ct!, attrs, size(w!))],
  eval([x, w, bias], attrs, [dims]) {
    const y = new Float64Array(count(dims!)), places = dims![2]! * dims![3]!;
    if (bias) for (let from = 0, channel = 0; from < y.length; from += places, channel++) y.fill(bias.data[channel % dims![1]!]!, from, from + places);
    meet(x!.dims[0]!, forward(shapeOf(x!), shapeOf(w!), attrs), (i, j, k) => { y[k]! += x!.data[i]! * w!.data[j]!; });
    return [y];
  },
  lower: (emit, [x, w, bias], { inputs, attrs }) => [lowerConvolution(emit, x!, w!, forward(inputs[0]!.shape, inputs[1]!.shape, attrs), bias)],
};

/** The convolution's gradient by its image: `[B,O,P,Q]` by `[O,C/groups,kh,kw]` gives `[B,C,...size]`. */
export const convolutionInputOp: Op = {
  name: 'convolutionInput',
  infer([dy, w], attrs) {
    const { batch, image } = backwardInput(dy!, w!, attrs);
    return [{ dtype: sameType(dy!, w!), dims: [batch, ...image] }];
  },
  vjp({ inputs: [dy, w], attrs }, [ct]) {
    const windows = without(attrs, 'size');
    return [apply1(convolutionOp, [ct!, w!], windows), weightGradient(ct!, dy!, windows, size(w!))];
  },
  eval([dy, w], attrs, [dims]) {
    const x = new Float64Array(count(dims!));
    meet(dy!.dims[0]!, backwardInput(shapeOf(dy!), shapeOf(w!), attrs), (i, j, k) => { x[i]! += dy!.data[k]! * w!.data[j]!; });
    return [x];
  },
  lower: (emit, [dy, w], { inputs, attrs }) => [lowerInputGradient(emit, dy!, w!, backwardInput(inputs[0]!.shape, inputs[1]!.shape, attrs))],
};

/** The convolution's gradient by its kernel: `[B,C,H,W]` by `[B,O,P,Q]` gives `[O,C/groups,...kernel]`. */
export const convolutionWeightOp: Op = {
  name: 'convolutionWeight',
  infer([x, dy], attrs) {
    const { image, kernel, result, groups } = backwardWeight(x!, dy!, attrs);
    return [{ dtype: sameType(x!, dy!), dims: [result[0], image[0] / groups, ...kernel] }];
  },
  vjp({ inputs: [x, dy], attrs }, [ct]) {
    const windows = without(attrs, 'kernel');
    return [inputGradient(dy!, ct!, windows, size(x!)), apply1(convolutionOp, [x!, ct!], windows)];
  },
  eval([x, dy], attrs, [dims]) {
    const w = new Float64Array(count(dims!));
    meet(x!.dims[0]!, backwardWeight(shapeOf(x!), shapeOf(dy!), attrs), (i, j, k) => { w[j]! += x!.data[i]! * dy!.data[k]!; });
    return [w];
  },
  lower: (emit, [x, dy], { inputs, attrs }) => [lowerWeightGradient(emit, x!, dy!, backwardWeight(inputs[0]!.shape, inputs[1]!.shape, attrs))],
};

const inputGradient = (dy: Tensor, w: Tensor, windows: Attributes, to: readonly number[]) =>
  apply1(convolutionInputOp, [dy, w], { ...windows, size: to });
const weightGradient = (x: Tensor, dy: Tensor, windows: Attributes, kernel: readonly number[]) =>
  apply1(convolutionWeightOp, [x, dy], { ...windows, kernel });

export interface ConvolutionOptions {
  readonly stride?: Pair;
  readonly padding?: Sides;
  readonly dilation?: Pair;
  readonly groups?: number;
}
export interface TransposedConvolutionOptions extends ConvolutionOptions {
  /** Rows and columns more at the far side, fewer than the stride: the sizes that the same convolution maps to x's. */
  readonly outputPadding?: Pair;
}

const windowAttributes = ({ stride = 1, padding = 0, dilation = 1, groups = 1 }: ConvolutionOptions) =>
  ({ strides: pair(stride), pads: sides(padding), dilations: pair(dilation), groups });

/**
 * 2-D cross-correlation of images `[B,C,H,W]` with kernels `[O,C/groups,kh,kw]`, as neural networks call convolution.
 * The result is `[B,O,P,Q]`, P = floor((H + top + bottom - dilation (kh - 1) - 1) / stride) + 1. The batch may be a symbol.
 */
export const convolution = (x: Tensor, w: Tensor, options: ConvolutionOptions = {}): Tensor =>
  apply1(convolutionOp, [x, w], windowAttributes(options));

/**
 * The adjoint of `convolution` by its image: `x[B,I,H,W]` with kernels `[I,O/groups,kh,kw]` (torch's ConvTranspose2d layout) gives
 * `[B,O,P,Q]`, P = (H - 1) stride - top - bottom + dilation (kh - 1) + 1 + outputPadding. The batch may be a symbol.
 */
export function transposedConvolution(x: Tensor, w: Tensor, options: TransposedConvolutionOptions = {}): Tensor {
  const windows = windowAttributes(options), extra = pair(options.outputPadding ?? 0), { strides, pads, dilations } = windows;
  const to = [0, 1].map((i) =>
    (Number(x.dims[2 + i]) - 1) * strides[i]! - pads[i]! - pads[i + 2]! + dilations[i]! * (Number(w.dims[2 + i]) - 1) + 1 + extra[i]!);
  return inputGradient(x, w, windows, to);
}
