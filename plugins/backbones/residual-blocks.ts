/** @file The residual blocks of BigGAN (Brock, Donahue and Simonyan, ICLR 2019, appendix B), and of the smaller networks that share them. */
import { add, batchNorm, conv, relu, tanh, type Scope, type Tensor, type WeightOptions } from '../../engine/index.js';

const wide = { kernel: 3, padding: 1 };

/** Twice the side: norm, ReLU, repeat, 3x3, norm, ReLU, 3x3, beside a 1x1 of the repeated input. What `norm` is conditioned on is its own affair. */
export function generatorBlock(s: Scope, x: Tensor, channels: number, norm: (s: Scope, x: Tensor) => Tensor, weights: WeightOptions): Tensor {
  let h = relu(norm(s.at('norm1'), x));
  h = conv(s.at('conv1'), h, channels, { ...wide, resample: 'up', ...weights });
  h = relu(norm(s.at('norm2'), h));
  return add(conv(s.at('conv2'), h, channels, { ...wide, ...weights }), conv(s.at('shortcut'), x, channels, { kernel: 1, resample: 'up', ...weights }));
}

/** What follows the generator's blocks: norm, ReLU, 3x3 to so many colours, tanh. */
export const imageOf = (s: Scope, x: Tensor, colours: number, weights: WeightOptions): Tensor =>
  tanh(conv(s.at('out.conv'), relu(batchNorm(s.at('out.norm'), x)), colours, { ...wide, ...weights }));

/** ReLU (not on pixels), 3x3, ReLU, 3x3, mean of 2x2 where it halves, beside a 1x1 and mean of the input; where nothing changes size, beside the input. */
export function discriminatorBlock(s: Scope, x: Tensor, channels: number, { first, halves, ...weights }: { first: boolean; halves: boolean } & WeightOptions): Tensor {
  const resample = halves ? 'down' : undefined;
  const h = relu(conv(s.at('conv1'), first ? x : relu(x), channels, { ...wide, ...weights }));
  const main = conv(s.at('conv2'), h, channels, { ...wide, resample, ...weights });
  return add(main, halves || x.dims[1] !== channels ? conv(s.at('shortcut'), x, channels, { kernel: 1, resample, ...weights }) : x);
}
