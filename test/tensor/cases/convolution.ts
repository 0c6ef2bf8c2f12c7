/** @file Cases of convolution and its gradients, pooling and resizing: every form that their lowering chooses among. */
import * as ops from '../../../engine/tensor/ops/index.js';
import { apply1, type Tensor } from '../../../engine/tensor/tensor.js';
import type { Case, Sample } from './case.js';

interface Shape { readonly x: readonly number[]; readonly w: readonly number[]; readonly options?: ops.ConvolutionOptions; readonly once?: string }

/** Few elements: orders 1 and 2 are checked element by element. */
const small: Shape[] = [
  { x: [2, 2, 4, 3], w: [3, 2, 3, 3], options: { padding: 1 } },
  { x: [2, 2, 5, 4], w: [2, 2, 3, 2], options: { stride: [2, 1], padding: [1, 0, 0, 1] } },
  { x: [1, 2, 6, 6], w: [2, 2, 2, 2], options: { stride: 2, dilation: 2 } },
  { x: [2, 4, 3, 3], w: [4, 2, 2, 2], options: { groups: 2, padding: 1 } },
  { x: [2, 3, 2, 2], w: [2, 3, 1, 1] },
  { x: [1, 1, 4, 4], w: [1, 1, 2, 2], options: { stride: 3 } },
  { x: [1, 1, 2, 2], w: [1, 1, 1, 1], options: { padding: 1 } },
  { x: [1, 16, 2, 2], w: [2, 16, 2, 2], options: { padding: [1, 0] } },
];
const wide = 'sizes of the fast forms: order 2 is checked on small ones';
/** Enough channels for the forms in which images are rows, and for few results; a batch that is cut into chunks. */
const large: Shape[] = [
  { x: [2, 16, 4, 4], w: [3, 16, 4, 4], options: { stride: 2, padding: 1 }, once: wide },
  { x: [2, 16, 5, 4], w: [3, 16, 3, 2], options: { stride: [2, 1], padding: [1, 0, 0, 1] }, once: wide },
  { x: [2, 16, 5, 5], w: [3, 16, 3, 3], options: { padding: 1 }, once: wide },
  { x: [1, 16, 4, 4], w: [2, 16, 2, 2], options: { padding: [1, 0, 0, 1] }, once: wide },
  { x: [1, 16, 5, 6], w: [2, 16, 2, 2], options: { dilation: 2, padding: [1, 2] }, once: wide },
  { x: [1, 16, 4, 4], w: [3, 16, 1, 1], options: { stride: 2 }, once: wide },
  { x: [1, 2, 4, 4], w: [16, 2, 3, 3], options: { padding: 1 }, once: wide },
];

const slots = ({ x, w, options = {}, once }: Shape): Case[] => {
  const convolve = (t: Readonly<Record<string, Tensor>>) => ops.convolution(t.x!, t.w!, options);
  return [
    // The value by itself is bilinear; its square makes all three slots meet in the gradients.
    { op: ops.convolutionOp, inputs: { x, w }, build: (t) => ops.square(convolve(t)), ...(once ? { once } : {}) },
    ...(once ? [] : [{ op: ops.convolutionOp, inputs: { x, w }, build: convolve }]),
  ];
};

const transposed = ([
  { x: [2, 3, 2, 3], w: [3, 2, 3, 3], options: { stride: 2, padding: 1, outputPadding: 1 } },
  { x: [2, 2, 3, 3], w: [2, 2, 3, 2] },
  { x: [1, 4, 2, 2], w: [4, 1, 2, 2], options: { stride: 2, groups: 2 } },
  { x: [1, 4, 2, 2], w: [4, 3, 4, 4], options: { stride: 2, padding: 1 } },
] as const satisfies readonly (Shape & { options?: ops.TransposedConvolutionOptions })[]).flatMap(({ x, w, ...rest }): Case[] => {
  const options = 'options' in rest ? rest.options : {};
  return [
    { op: ops.convolutionInputOp, inputs: { x, w }, build: (t) => ops.transposedConvolution(t.x!, t.w!, options) },
    { op: ops.convolutionInputOp, inputs: { x, w }, build: (t) => ops.square(ops.transposedConvolution(t.x!, t.w!, options)) },
  ];
});

const weightGradients = small.map(({ x, w, options = {} }): Case => ({
  op: ops.convolutionWeightOp, inputs: { x, w }, build: (t) => {
    const [dx, dw] = gradients(t.x!, t.w!, options);
    return [dx!, ops.square(dw!)];
  },
}));
function gradients(x: Tensor, w: Tensor, options: ops.ConvolutionOptions) {
  const y = ops.convolution(x, w, options);
  return ops.convolutionOp.vjp!(y.equation, [y]);
}

const distinct = (dims: readonly number[]): Sample => ({ dims, apart: 0 });
const places = (x: Tensor, options: ops.PoolingOptions) => ops.maxPool(x, options).equation.outputs[1]!;
const pooling: Case[] = ([
  { kernel: 2 }, { kernel: 3, stride: 2, padding: 1 }, { kernel: [2, 1], stride: 1 }, { kernel: [1, 3], stride: [3, 1], padding: [0, 1, 0, 2] },
] satisfies ops.PoolingOptions[]).flatMap((options: ops.PoolingOptions): Case[] => [
  { op: ops.windowSumOp, inputs: { x: [2, 2, 4, 5] }, build: (t) => ops.square(ops.averagePool(t.x!, options)) },
  { op: ops.windowSumOp, inputs: { x: [2, 2, 4, 5] }, build: (t) => ops.averagePool(t.x!, { ...options, countIncludePad: false }) },
  { op: ops.maxPoolOp, inputs: { x: distinct([2, 2, 4, 5]) }, build: (t) => ops.square(ops.maxPool(t.x!, options)) },
  {
    op: ops.putOp, inputs: { x: distinct([2, 1, 4, 5]), y: [2, 1, 4, 5] },
    build: (t) => apply1(ops.putOp, [ops.square(ops.averagePool(t.y!, options)), places(t.x!, options)], { dims: [2, 1, 4, 5] }),
  },
  { op: ops.takeOp, inputs: { x: [2, 1, 4, 5], y: distinct([2, 1, 4, 5]) },
    build: (t) => ops.square(apply1(ops.takeOp, [t.x!, places(t.y!, options)])) },
]);
const resizing: Case[] = ([2, [3, 1], 1] as const).flatMap((scale): Case[] => [
  { op: ops.windowSpreadOp, inputs: { x: [2, 2, 2, 3] }, build: (t) => ops.square(ops.resizeNearest(t.x!, scale)) },
  { op: ops.windowSpreadOp, inputs: { x: [1, 2, 2, 2] }, build: (t) => ops.globalAveragePool(ops.square(ops.resizeNearest(t.x!, scale))) },
]);

export const convolutions: readonly Case[] = [...small, ...large].flatMap(slots).concat(transposed, weightGradients, pooling, resizing);
