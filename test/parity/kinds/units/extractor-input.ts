/** @file What an extractor is fed: a photo at 32 x 32, before it is rounded to bytes, normalised and resized as the feature extraction of IC-GAN, its demo and the Inception network do it. */
import type { SessionHost } from '../../../../engine/session/host.js';
import { tensor, type TensorValue } from '../../../../engine/spec/value.js';
import type { Resampler } from '../../../../engine/tensor/ops/index.js';
import { preparation } from '../../../../plugins/extractors/programs.js';
import { tolerances, type Comparison } from '../../comparison.js';
import type { Fixture } from '../../fixture.js';

const IMAGENET = { layout: 'NCHW', channels: 'rgb', range: [0, 1], mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] } as const;

/** Tensors of the fixture, how they were resized, and every how many rows and columns of the result are kept. */
const CASES: readonly { readonly key: string; readonly resize: Resampler; readonly size: number; readonly every: number }[] = [
  { key: 'prep/extractor_in_sub8', resize: 'bicubic', size: 224, every: 8 },
  { key: 'prep/extractor_in_predict_align_sub8', resize: 'bicubic-align', size: 224, every: 8 },
  { key: 'prep/inception_in_sub13', resize: 'bilinear-align', size: 299, every: 13 },
];

/** Every `every`-th row and column of images [N,C,S,S]. */
export function thinned({ dims, data }: TensorValue, every: number): Float32Array {
  const [, , size] = dims as [number, number, number], side = Math.ceil(size / every), planes = data.length / (size * size);
  return Float32Array.from({ length: planes * side * side }, (_, i) => {
    const plane = Math.floor(i / (side * side)), row = Math.floor(i / side) % side, column = i % side;
    return Number(data[(plane * size + row * every) * size + column * every]);
  });
}

const checker = (prefix: string) => ({
  prefix,
  async check(fixture: Fixture, compare: Comparison, host: SessionHost): Promise<void> {
    const source = fixture.arrays.get('prep/crop_resize32_float')!, [, channels, height, width] = source.dims as readonly [number, number, number, number];
    for (const { key, resize, size, every } of CASES.filter((one) => one.key.startsWith(prefix))) {
      const program = await host.compile(preparation(channels, [height, width], false, { ...IMAGENET, size: [size, size], resize }));
      const { prepared } = (await program.run({}, { image: tensor('f32', source.dims, source.data) })).outputs;
      compare.array(`${key}: ${resize} to ${size}`, key, thinned(prepared as TensorValue, every).map(Number), tolerances(fixture).output);
      await program.release();
    }
  },
});

export const extractorInput = checker('prep/extractor_in');
export const inceptionInput = checker('prep/inception_in');
