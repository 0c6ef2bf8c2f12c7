/** @file The space partitioner of Partition-Guided GANs (Armandpour et al., CVPR 2021; section 2.4 of its facts): an invertible residual network under a pooled head. */
import { z } from 'zod';
import {
  actNorm, add, batchNorm, conv, defineEncoder, elu, leakyRelu, linear, mean, named, pad, softSpectralNorm, squeeze, type Scope, type Tensor, type WeightOptions,
} from '../../engine/index.js';

const count = z.int().positive();
const config = z.strictObject({
  type: z.literal('lipschitz-resnet'),
  blocks: z.array(count).min(1).default([4, 4, 4, 4, 4]).describe('residual blocks of each stage'),
  strides: z.array(z.union([z.literal(1), z.literal(2)])).default([1, 2, 2, 2, 2]).describe('2: the stage begins by squeezing its images to half the side'),
  channels: z.union([count, z.array(count)]).default(160).describe('channels inside the blocks: of all stages, or of each'),
  padding: z.int().min(0).default(0).describe('channels of zeros added to the images'),
  coefficient: z.number().positive().lt(1).default(0.9).describe('what the Lipschitz constant of each convolution may be'),
  iterations: count.default(5).describe('steps of the power iteration a pass'),
  features: count.default(512).describe('width of the features'),
});
export type LipschitzConfig = z.infer<typeof config>;

/** One residual block: whether its stage begins with it by squeezing, the channels inside, and whether it is the first of all. */
export interface Block { readonly squeezes: boolean; readonly channels: number; readonly first: boolean }
export const blocksOf = ({ blocks, strides, channels }: LipschitzConfig): readonly Block[] => blocks.flatMap((many, stage) => Array.from({ length: many }, (_, i) => (
  { squeezes: i === 0 && strides[stage] === 2, channels: typeof channels === 'number' ? channels : channels[stage]!, first: stage === 0 && i === 0 })));

/**
 * Its residual branches contract (soft spectral norm, 3x3, 1x1, 3x3), so every block is invertible, and LeakyReLU keeps all slopes positive: the guide of a
 * partitioner that is made of it has no stationary point outside the part (theorem 3). The defaults are the paper's network.
 */
export const lipschitzResnet = defineEncoder<LipschitzConfig>({
  name: 'lipschitz-resnet',
  about: "Partition-Guided GANs' space partitioner: an invertible residual network whose convolutions are Lipschitz, by default the paper's 20 blocks of 160 channels.",
  config,
  refuses(image, { blocks, strides, channels }) {
    if (strides.length !== blocks.length) return `it has ${blocks.length} stages by its blocks, ${strides.length} by its strides`;
    if (typeof channels !== 'number' && channels.length !== blocks.length) return `it has ${blocks.length} stages by its blocks, ${channels.length} by its channels`;
    const divisor = 2 ** strides.filter((stride) => stride === 2).length;
    if (image.length === 3 && image[1]! % divisor === 0 && image[2]! % divisor === 0) return undefined;
    return divisor === 1 ? 'it wants images' : `it wants images whose sides are multiples of ${divisor}`;
  },
  encode(s, image, c) {
    const trunk = residualTrunk(s, image, c).at(-1)!;
    const h = leakyRelu(batchNorm(s.at('norm'), trunk, { momentum: 0.9 }), 0.2);
    return linear(s.at('out'), mean(h, [2, 3]), c.features);
  },
});

/** What every block gives, the trunk's last. Images f32[N,C,H,W] to f32[N,C',H',W'] each. */
export function residualTrunk(s: Scope, image: Tensor, c: LipschitzConfig): readonly Tensor[] {
  let h = pad(image, [[0, 0], [0, c.padding], [0, 0], [0, 0]]);
  return blocksOf(c).map((block, i) => (h = named(`block${i + 1}`, s, (s) => {
    // Norms of a block that squeezes are those on images of twice the side, as in the published code: they bound the norms that count.
    const [, , height, width] = h.dims as readonly number[], x = actNorm(s.at('norm'), block.squeezes ? squeeze(h) : h);
    return add(x, branch(s, x, [height!, width!], block, c));
  })));
}

/** g(x): 3x3, 1x1, 3x3, of Lipschitz constant coefficient^3 at most, by norms on images of `size`. Nothing comes before the first convolution of the first block. */
export function branch(s: Scope, x: Tensor, size: readonly [number, number], { channels, first }: Block, { coefficient, iterations }: LipschitzConfig): Tensor {
  const weight: WeightOptions['weight'] = (s, stored) => softSpectralNorm(s, stored, { coefficient, iterations, image: size });
  const wide = { kernel: 3, padding: 1, weight };
  let g = conv(s.at('conv1'), first ? x : elu(x), channels, wide);
  g = conv(s.at('conv2'), elu(g), channels, { kernel: 1, weight });
  return conv(s.at('conv3'), elu(g), x.dims[1] as number, wide);
}
