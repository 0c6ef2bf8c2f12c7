/** @file A digit classifier as a component: an ONNX file that gives class scores and features, shown single channels at its own resolution. */
import {
  add, constant, inputError, matmul, mul, program, reshape, tensor, type Executable, type SessionHost, type TensorValue, type Tensorial,
} from '../../engine/index.js';
import { momentsOf, type Moments } from './moments.js';

export interface ClassifierOptions {
  /** The ONNX file: an input f32[N,1,r,r], outputs `feature` f32[N,F] and `score` f32[N,10] (logits or probabilities; the other output, unless named). */
  readonly file: string;
  readonly feature: string;
  readonly score?: string | undefined;
  /** r, and the classifier's values of black and white. */
  readonly resolution: number;
  readonly range: readonly [number, number];
}

/** What a classifier makes of channel images: the digit in each, and the moments of their features. */
export interface Reading { readonly digits: Uint8Array; readonly moments: Moments }
/** Channel images [n,R,R] in [-1,1], from one index to another. */
export type Channels = (from: number, to: number) => TensorValue;
export interface Classifier {
  read(channels: Channels, count: number, size: number, signal?: AbortSignal): Promise<Reading>;
  close(): Promise<void>;
}

/** Channel images in one call: few enough that copying them holds nothing up. */
const BATCH = 250;

/**
 * Bilinear resize as a matrix A [to, from], antialiased: a triangle as wide as the coarser of the two pixels, rows summing to one.
 * A X A^T resizes X in both directions.
 */
export function interpolation(from: number, to: number): Float64Array {
  const scale = from / to, reach = Math.max(1, scale), matrix = new Float64Array(to * from);
  for (let i = 0; i < to; i++) {
    const weight = Array.from({ length: from }, (_, j) => Math.max(0, 1 - Math.abs((j + 0.5 - (i + 0.5) * scale) / reach)));
    const total = weight.reduce((a, b) => a + b, 0);
    weight.forEach((w, j) => { matrix[i * from + j] = w / total; });
  }
  return matrix;
}

/** From images in [-1,1] to what the classifier was trained on. */
const preparation = (size: number, { resolution, range: [low, high] }: ClassifierOptions) =>
  program('digit preparation', {}, { channel: { dtype: 'f32', dims: ['N', size, size] } }, (_, { channel }) => {
    const scaled = add(mul(channel, (high - low) / 2), (high + low) / 2);
    const matrix = constant(interpolation(size, resolution), 'f32', [resolution, size]);
    const resized = size === resolution ? scaled : matmul(matrix, matmul(scaled, matrix, { transposeB: true }));
    return { outputs: { image: reshape(resized, ['N', 1, resolution, resolution]) } };
  });

const data = (value: Tensorial | undefined) => (value as TensorValue).data;

/** Opens a classifier; what its file lacks is an InputError that says what it has. */
export async function openClassifier(host: SessionHost, options: ClassifierOptions): Promise<Classifier> {
  const model = await host.open(options.file);
  const { inputs, outputs } = model.signature, names = Object.keys(outputs).join(', ');
  const [image] = Object.keys(inputs);
  const score = options.score ?? Object.keys(outputs).find((name) => name !== options.feature);
  for (const [what, name] of [['feature', options.feature], ['score', score]] as const) {
    if (!name || !outputs[name]) throw inputError(options.file, `it has no output ${name ?? 'besides the features'}; its outputs are ${names}`, { try: `"${what}" in the node's config` });
  }
  if (!image || Object.keys(inputs).length !== 1) throw inputError(options.file, `it has inputs ${Object.keys(inputs).join(', ')}; one is wanted, the image`);
  const preparations = new Map<number, Executable>();
  const prepared = async (size: number) => {
    const known = preparations.get(size) ?? await host.compile(preparation(size, options));
    preparations.set(size, known);
    return known;
  };

  return {
    async read(channels, count, size, signal) {
      const prepare = await prepared(size);
      const digits = new Uint8Array(count);
      let features = new Float32Array(0);
      for (let from = 0; from < count; from += BATCH) {
        signal?.throwIfAborted();
        const to = Math.min(count, from + BATCH);
        const shown = await prepare.run({}, { channel: channels(from, to) });
        const said = (await model.run({}, { [image]: shown.outputs.image! })).outputs;
        const scores = data(said[score!]) as Float32Array, feature = data(said[options.feature]) as Float32Array;
        const classes = scores.length / (to - from), width = feature.length / (to - from);
        if (from === 0) features = new Float32Array(count * width);
        features.set(feature, from * width);
        for (let i = from; i < to; i++) digits[i] = argmax(scores, (i - from) * classes, classes);
      }
      return { digits, moments: await momentsOf(host, tensor('f32', [count, features.length / count], features), 'features of digits') };
    },
    async close() {
      for (const each of [model, ...preparations.values()]) await each.release();
    },
  };
}

function argmax(values: Float32Array, from: number, count: number): number {
  let best = 0;
  for (let i = 1; i < count; i++) if (values[from + i]! > values[from + best]!) best = i;
  return best;
}
