/** @file Nearest-neighbour resizing by whole factors: every element becomes a block. Its adjoint sums blocks. */
import { apply1, type Tensor } from '../tensor.js';
import { pair, type Pair } from './convolution-geometry.js';
import { windowSpreadOp } from './pooling.js';

/** Each element repeated `scale` times along height and width: `[B,C,H,W]` gives `[B,C,scale H,scale W]`. The batch may be a symbol. */
export function resizeNearest(x: Tensor, scale: Pair): Tensor {
  const kernel = pair(scale), size = [0, 1].map((i) => Number(x.dims[2 + i]) * kernel[i]!);
  return apply1(windowSpreadOp, [x], { kernel, strides: kernel, pads: [0, 0, 0, 0], dilations: [1, 1], scale: 1, size });
}
