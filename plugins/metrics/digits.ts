/** @file `metrics/digits`: modes, reverse KL and Frechet distance of digit images, by a digit classifier given as an ONNX file. */
import { z } from 'zod';
import { defineNode, fetched, tensor, type Metrics, type Random, type SessionHost, type TensorValue } from '../../engine/index.js';
import { openClassifier, type Channels, type Classifier, type Reading } from './digit-classifier.js';
import { foundIn } from './divergence.js';
import { frechetDistance } from './frechet.js';

const Config = z.strictObject({
  classifier: z.string().describe('ONNX file or model name: single-channel digits to class scores and features.'),
  feature: z.string().default('features84').describe('The output with features.'),
  score: z.string().optional().describe('The output with logits or probabilities; the other one unless given.'),
  resolution: z.int().min(1).default(28).describe('What the classifier takes; images of another size are resized (bilinear, antialiased).'),
  range: z.tuple([z.number(), z.number()]).default([0, 1]).describe('The classifier\'s black and white.'),
});

/** Images of several digits: [N,C,R,R], one digit a channel. */
interface Images { readonly count: number; readonly channels: number; readonly size: number; readonly planes: Channels }

const imagesOf = ({ dims: [count = 0, channels = 0, size = 0], data }: TensorValue): Images => ({
  count, channels, size,
  planes: (from, to) => tensor('f32', [to - from, size, size], (data as Float32Array).subarray(from * size * size, to * size * size)),
});

/** As many images of uniform noise in [-1,1]: what the numbers are worth. Drawn slice by slice. */
const noiseLike = ({ count, channels, size }: Images, random: (name: string) => Random): Images => ({
  count, channels, size,
  planes: (from, to) => tensor('f32', [to - from, size, size], random(`noise ${from}`).uniform((to - from) * size * size).map((u) => 2 * u - 1)),
});

/** The mode of each image: its digits read as a decimal number, 100 a + 10 b + c for three channels. */
export function modeIds(digits: Uint8Array, channels: number): Int32Array {
  return Int32Array.from({ length: digits.length / channels }, (_, i) => digits.subarray(i * channels, (i + 1) * channels).reduce((id, digit) => 10 * id + digit, 0));
}

/** Of images whose digits were read: distinct modes, reverse KL of their histogram over all 10^C, and the Frechet distance of channel features. */
export async function score(host: SessionHost, reading: Reading, real: Reading, channels: number): Promise<Metrics> {
  const histogram = new Float64Array(10 ** channels);
  for (const id of modeIds(reading.digits, channels)) histogram[id]! += 1;
  return { ...foundIn(histogram), frechet: await frechetDistance(host, real.moments, reading.moments) };
}

/** `noise`: what white noise scores, computed once. */
interface State { readonly noise?: Metrics }

export const digits = defineNode({
  name: 'metrics/digits',
  about: 'Modes, reverse KL and Frechet distance of stacked digits in a classifier\'s features, with white noise for comparison.',
  config: Config,
  inputs: { fake: 'f32[N,C,R,R]', real: 'f32[M,C,R,R]' },
  outputs: { metrics: '@metrics' },
  start({ classifier: file, ...options }, { services }) {
    let opened: Promise<Classifier> | undefined;
    return {
      state: {} as State,
      async step({ noise }, inputs, wave) {
        opened ??= openClassifier(services.host, { file: services.resolve(file), ...options });
        const classifier = await opened;
        const fake = imagesOf(await fetched(services, inputs.fake)), real = imagesOf(await fetched(services, inputs.real));
        const read = ({ count, channels, size, planes }: Images) => classifier.read(planes, count * channels, size, wave.signal);
        const truth = await read(real);
        if (!noise) {
          const worth = await score(services.host, await read(noiseLike(real, wave.random)), truth, real.channels);
          noise = Object.fromEntries(Object.entries(worth).map(([name, value]) => [`noise_${name}`, value]));
        }
        return { state: { noise }, outputs: { metrics: { ...await score(services.host, await read(fake), truth, fake.channels), ...noise } } };
      },
      close: async () => (await opened)?.close(),
    };
  },
});
