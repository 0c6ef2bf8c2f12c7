/** @file Convolutions in ONNX. */
import type { Emitter } from '../op.js';
import type { Geometry } from './convolution-geometry.js';

type Name = string;
const ints = (emit: Emitter, ...values: number[]) => emit.constant('i64', [values.length], values);
const transposed = (emit: Emitter, x: Name, ...perm: number[]) => emit.node('Transpose', [x], { perm })[0]!;

const windowAttributes = ({ strides, pads, dilations, groups, kernel }: Geometry) => ({ strides, pads, dilations, group: groups, kernel_shape: kernel });

export const lowerConvolution = (emit: Emitter, x: Name, w: Name, g: Geometry): Name => emit.node('Conv', [x, w], windowAttributes(g))[0]!;

export function lowerInputGradient(emit: Emitter, dy: Name, w: Name, g: Geometry): Name {
  const { image, result, kernel, strides, pads, dilations } = g;
  // Rows and columns that a strided forward pass did not reach at the far side.
  const rest = (i: 0 | 1) => image[i + 1]! - ((result[i + 1]! - 1) * strides[i] - pads[i] - pads[i + 2]! + dilations[i] * (kernel[i] - 1) + 1);
  return emit.node('ConvTranspose', [dy, w], { ...windowAttributes(g), output_padding: [rest(0), rest(1)] })[0]!;
}

export function lowerWeightGradient(emit: Emitter, x: Name, dy: Name, g: Geometry): Name {
  const { groups, image, result } = g;
  if (groups === 1) return swappedConvolution(emit, x, dy, g);
  const parts = (name: Name, channels: number) =>
    emit.node('Split', [name, ints(emit, ...Array<number>(groups).fill(channels / groups))], { axis: 1 }, groups);
  const images = parts(x, image[0]), results = parts(dy, result[0]);
  return emit.node('Concat', images.map((part, i) => swappedConvolution(emit, part, results[i]!, g)), { axis: 0 })[0]!;
}

/** Batch and channels change places, and so do strides and dilations: the cotangent is the kernel. */
function swappedConvolution(emit: Emitter, x: Name, dy: Name, { kernel, strides, pads, dilations }: Geometry): Name {
  const full = emit.node('Conv', [transposed(emit, x, 1, 0, 2, 3), transposed(emit, dy, 1, 0, 2, 3)], { strides: dilations, dilations: strides, pads })[0]!;
  // What a strided forward pass did not reach gives windows too many.
  return transposed(emit, emit.node('Slice', [full, ints(emit, 0, 0), ints(emit, ...kernel), ints(emit, 2, 3)])[0]!, 1, 0, 2, 3);
}
