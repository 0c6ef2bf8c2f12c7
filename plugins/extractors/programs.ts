/** @file What runs before and after a model: images in [-1,1] to what it was trained on, and its outputs to one vector an image. */
import {
  add, constant, gather, mean, mul, program, resample, reversed, softmax, transpose, type Dim, type Program, type Tensor,
} from '../../engine/index.js';
import type { Model, Preparation } from './model.js';

/** `image` f32[N,channels,...size] in [-1,1] to the model's input, which has the same name. A single channel is repeated where the model wants three. */
export function preparation(channels: number, size: readonly [number, number], mirrored: boolean, to: Preparation): Program {
  return program('image preparation', {}, { image: { dtype: 'f32', dims: ['N', channels, ...size] } }, (_, { image }) => {
    const [low, high] = to.range, each = (values: readonly number[]) => constant(values, 'f32', [1, values.length, 1, 1]);
    const gain = to.std.map((std) => (high - low) / 2 / std), offset = to.mean.map((average, c) => ((high + low) / 2 - average) / to.std[c]!);
    const turned = mirrored ? reversed(image, 3) : image;
    const valued = add(mul(turned, each(gain)), each(offset));
    const ordered = to.channels === 'bgr' ? reversed(valued, 1) : valued;
    const sized = resample(ordered, to.size, to.resize);
    return { outputs: { prepared: to.layout === 'NHWC' ? transpose(sized, [0, 2, 3, 1]) : sized } };
  });
}

/** Sizes that a program can be traced with: every symbol its own, the batch N. */
const traced = (dims: readonly Dim[], name: string): readonly Dim[] => dims.map((dim, i) => (i === 0 ? 'N' : typeof dim === 'number' ? dim : `${name}${i}`));

/** A model's outputs, `output` and `scores`, as vectors `feature` f32[N,F] and the probabilities of classes `score` f32[N,K]. */
export function collection({ dims, pool, preparation: { layout }, score }: Model): Program {
  const shapes = {
    output: { dtype: 'f32' as const, dims: traced(dims, 'f') },
    ...(score && { scores: { dtype: 'f32' as const, dims: traced(score.dims, 's') } }),
  };
  return program('feature collection', {}, shapes, (_, { output, scores }: Readonly<Record<string, Tensor>>) => ({
    outputs: { feature: pooled(output!, pool, layout), ...(score && { score: score.are === 'logits' ? softmax(scores!, 1) : scores! }) },
  }));
}

function pooled(x: Tensor, pool: Model['pool'], layout: Preparation['layout']): Tensor {
  if (x.rank === 2) return x;
  const positions = x.rank === 3 ? [1] : layout === 'NHWC' ? [1, 2] : [2, 3];
  if (pool === 'mean') return mean(x, positions);
  return positions.reduceRight((t, axis) => gather(t, constant(0, 'i64', []), axis), x);
}
