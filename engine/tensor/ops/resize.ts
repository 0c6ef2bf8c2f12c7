/** @file Nearest-neighbour resizing by whole factors: every element becomes a block. Its adjoint sums blocks. */
import { apply1, RuleError, type Tensor } from '../tensor.js';
import { pair, type Pair } from './convolution-geometry.js';
import { windowSpreadOp } from './pooling.js';

/** Each element repeated `scale` times along height and width: `[B,C,H,W]` gives `[B,C,scale H,scale W]`. The batch may be a symbol. */
export function resizeNearest(x: Tensor, scale: Pair): Tensor {
  const kernel = pair(scale), [, , h, w] = x.dims;
  if (typeof h !== 'number' || typeof w !== 'number') throw new RuleError(`resizing ${x} wants a height and width that are numbers`);
  return apply1(windowSpreadOp, [x], { kernel, strides: kernel, pads: [0, 0, 0, 0], dilations: [1, 1], scale: 1, size: [h * kernel[0], w * kernel[1]] });
}
