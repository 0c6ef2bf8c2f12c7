/** @file Self-attention over the places of images (Zhang et al. 2019, as in BigGAN). */
import { traceError } from '../spec/issue.js';
import { zeros } from './init.js';
import { conv, type WeightOptions } from './layers.js';
import { add, flatten, matmul, maxPool, mul, reshape, softmax, transpose } from './ops/index.js';
import type { Scope } from './scope.js';
import { currentPlace, type Tensor } from './tensor.js';

/**
 * x + gamma o(attention): every place looks at the largest of each 2x2 places, weighted by the softmax of theta^T phi (unscaled). f32[N,C,H,W] -> the same,
 * C at least 8, H and W even. Leaves `gamma` [] (0 at first) and the weights of 1x1 convolutions without bias: `theta`, `phi` (C/8 channels), `g` (C/2), `o`.
 */
export function selfAttention(s: Scope, x: Tensor, weights: WeightOptions = {}): Tensor {
  const [batch, channels, height, width] = x.dims as readonly [number, number, number, number];
  if (!(channels >= 8)) throw traceError(currentPlace() || 'attention', `attention looks by an eighth of the channels; ${x} has ${channels}`);
  const look = (name: string, share: number) => conv(s.at(name), x, Math.floor(channels / share), { kernel: 1, bias: false, ...weights });
  const places = (t: Tensor) => flatten(t, 2), largest = (t: Tensor) => maxPool(t, { kernel: 2 });
  // Written so that only the narrow sides are ever transposed, never the weights of all pairs of places.
  const query = transpose(places(look('theta', 8)), [0, 2, 1]), key = places(largest(look('phi', 8))), value = places(largest(look('g', 2)));
  const seen = transpose(matmul(softmax(matmul(query, key)), value, { transposeB: true }), [0, 2, 1]);
  const o = conv(s.at('o'), reshape(seen, [batch, Math.floor(channels / 2), height, width]), channels, { kernel: 1, bias: false, ...weights });
  return add(mul(o, s.parameter('gamma', [], zeros)), x);
}
