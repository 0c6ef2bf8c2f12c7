/** @file Pooling in ONNX. */
import type { Emitter } from '../op.js';
import type { Geometry } from './convolution-geometry.js';

type Name = string;
const windowAttributes = ({ strides, pads, kernel }: Geometry) => ({ strides, pads, kernel_shape: kernel });
const ints = (emit: Emitter, ...values: number[]) => emit.constant('i64', [values.length], values);
const scaled = (emit: Emitter, x: Name, scale: number): Name =>
  Math.abs(scale - 1) < 1e-12 ? x : emit.node('Mul', [x, emit.constant('f32', [], [scale])])[0]!;

export const lowerWindowSum = (emit: Emitter, x: Name, g: Geometry, scale: number): Name =>
  scaled(emit, emit.node('AveragePool', [x], { ...windowAttributes(g), count_include_pad: 1 })[0]!, scale * g.kernel[0] * g.kernel[1]);

/** Windows side by side, none over the border: every element is copied to a block. Resize does it five times faster than Reshape and Expand. */
const tiles = ({ strides, kernel, pads, image, result }: Geometry) =>
  [0, 1].every((i) => strides[i] === kernel[i] && image[i + 1] === result[i + 1]! * kernel[i]!) && pads.every((p) => p === 0);

export function lowerWindowSpread(emit: Emitter, dy: Name, g: Geometry, scale: number): Name {
  const { kernel, image, result, strides, pads } = g;
  if (tiles(g)) {
    const resized = emit.node('Resize', [dy, '', emit.constant('f32', [4], [1, 1, ...kernel])],
      { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' })[0]!;
    return scaled(emit, resized, scale);
  }
  // Channels join the batch: a transposed convolution of one channel with a kernel of equal weights.
  const planes = emit.node('Reshape', [dy, ints(emit, -1, 1, result[1], result[2])])[0]!;
  const rest = (i: 0 | 1) => image[i + 1]! - ((result[i + 1]! - 1) * strides[i] - pads[i] - pads[i + 2]! + kernel[i]);
  const weights = emit.constant('f32', [1, 1, ...kernel], new Float64Array(kernel[0] * kernel[1]).fill(scale));
  const spread = emit.node('ConvTranspose', [planes, weights], { ...windowAttributes(g), output_padding: [rest(0), rest(1)] })[0]!;
  return emit.node('Reshape', [spread, ints(emit, -1, ...image)])[0]!;
}

export const lowerMaxPool = (emit: Emitter, x: Name, g: Geometry): readonly Name[] => emit.node('MaxPool', [x], windowAttributes(g), 2);
