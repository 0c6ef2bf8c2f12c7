/** @file Encoders of points: the points themselves, a ReLU perceptron, and a residual construction that fulfils theorem 3 of Partition-Guided GANs. */
import { z } from 'zod';
import { add, defineEncoder, div, elu, linear, matmul, maximum, mul, named, relu, reshape, split, sqrt, square, sub, type Scope, type Tensor } from '../../engine/index.js';

const count = z.int().positive();
const ofPoints = (image: readonly number[]) => (image.length === 1 ? undefined : 'it takes points, f32[N,d]');

export const pointsLinear = defineEncoder({
  name: 'points-linear',
  about: "Points as their own features: a partitioner of it is one linear layer, the simple guide of Partition-Guided GANs' 2-D experiments.",
  config: z.strictObject({ type: z.literal('points-linear') }),
  refuses: ofPoints,
  encode: (_s, points) => points,
});

/** Its guide has local minima outside the parts, where ReLUs are flat: what theorem 3 excludes. */
export const pointsMlp = defineEncoder({
  name: 'points-mlp',
  about: 'ReLU perceptron for points: the guide without guarantees of the 2-D experiments.',
  config: z.strictObject({ type: z.literal('points-mlp'), widths: z.array(count).min(1).default([10, 20]).describe('widths of the hidden layers; the last is that of the features') }),
  refuses: ofPoints,
  encode: (s, points, { widths }) => widths.reduce((h, width, i) => relu(named(`layer${i + 1}`, s, (s) => linear(s, h, width))), points),
});

export const pointsResidual = defineEncoder({
  name: 'points-residual',
  about: "Residual blocks x + g(x) for 2-D points, g a contraction: the construction by which theorem 3 of Partition-Guided GANs holds, without ActNorm and batch norm.",
  config: z.strictObject({
    type: z.literal('points-residual'),
    blocks: count.default(3).describe('residual blocks'),
    width: count.default(32).describe('width inside a block'),
    lipschitz: z.number().positive().lt(1).default(0.9).describe('what the Lipschitz constant of a residual branch may be'),
  }),
  refuses: (image) => (image.length === 1 && image[0] === 2 ? undefined : 'it takes points of the plane, f32[N,2]'),
  encode(s, points, { blocks, width, lipschitz }) {
    let h = points;
    for (let i = 1; i <= blocks; i++) h = add(h, named(`block${i}`, s, (s) => contraction(s, h, width, lipschitz)));
    return h;
  },
});

/** W2 elu(W1 x + b1) + b2 on the plane, each matrix with a norm of at most sqrt(lipschitz); ELU has slopes up to 1, and is smooth. Leaves as two linear layers. */
function contraction(s: Scope, x: Tensor, width: number, lipschitz: number): Tensor {
  const most = Math.sqrt(lipschitz);
  const hidden = linear(s.at('in'), x, width, { weight: (_, stored) => bounded(stored, matmul(stored, stored, { transposeA: true }), most) });
  return linear(s.at('out'), elu(hidden), 2, { weight: (_, stored) => bounded(stored, matmul(stored, stored, { transposeB: true }), most) });
}

/** Keeps the gradient finite where both singular values are equal. */
const TINY = 1e-12;

/** W / max(1, |W| / most), from `gram` = W^T W or W W^T, 2x2. Its larger eigenvalue is |W|^2 exactly, so the bound holds at every step, with no iteration to wait for. */
function bounded(stored: Tensor, gram: Tensor, most: number): Tensor {
  const [a, b, , d] = split(reshape(gram, [4]), [1, 1, 1, 1], 0) as [Tensor, Tensor, Tensor, Tensor];
  const apart = sqrt(add(add(square(mul(sub(a, d), 0.5)), square(b)), TINY)), norm = sqrt(add(mul(add(a, d), 0.5), apart));
  return div(stored, maximum(div(norm, most), 1));
}
