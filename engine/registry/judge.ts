/** @file Images on their way to metrics: of a run's generator, set by set, or of a folder. */
import { keyedRandom } from '../session/keyed-random.js';
import { inputError } from '../spec/issue.js';
import { int64, tensor, type TensorValue } from '../spec/value.js';
import type { Extractor } from '../training/extractor.js';
import type { Judged, JudgedSet, OpenMetric } from '../training/metric.js';
import { rows } from '../training/networks.js';
import type { Dataset, Features } from '../training/values.js';
import type { Drawn, Draws } from './conditions.js';
import { drawLabels } from './draw-labels.js';
import type { GeneratorFile } from './generator-file.js';

/** A number of every set. */
export interface Evaluated { readonly metric: string; readonly values: readonly number[] }

/** The model that judges, and the one whose scores are taken: the same, if it is asked for both. */
export interface Models { readonly extractor: Extractor; readonly classifier: Extractor | undefined }

/** Images whose vectors are read, or whose labels are drawn, at once. */
const SLICE = 256;

export interface Judge {
  /** Judges a batch of one set. */
  add(batch: Judged): Promise<void>;
  /** Images that the set still takes; 0 when all sets are full. */
  room(): number;
  /** The set that is being filled, and the images that it has. */
  at(): { readonly set: number; readonly within: number };
  numbers(): readonly Evaluated[];
}

/** Judges `sets` sets of `count` images, one after the other. */
export function createJudge(metrics: readonly OpenMetric[], count: number, sets: number, progress: (done: number) => void): Judge {
  let current: readonly JudgedSet[] = [], within = 0, set = 0;
  const found = new Map<string, number[]>();
  return {
    at: () => ({ set, within }),
    room: () => (set < sets ? count - within : 0),
    async add(batch) {
      if (within === 0) current = metrics.map((metric) => metric.begin());
      for (const metric of current) await metric.add(batch);
      within += batch.feature.dims[0]!;
      progress(set * count + within);
      if (within < count) return;
      for (const metric of current) for (const [name, value] of Object.entries(await metric.finish())) found.set(name, [...(found.get(name) ?? []), value]);
      within = 0;
      set++;
    },
    numbers: () => [...found].map(([metric, values]) => ({ metric, values })),
  };
}

/** The first images of a data set, whose features are known. */
export async function judgeImages(images: Dataset, features: Features, count: number, judge: Judge, { classifier }: Models, signal?: AbortSignal): Promise<void> {
  for (let from = 0; from < count; from += SLICE) {
    signal?.throwIfAborted();
    const indices = Int32Array.from({ length: Math.min(SLICE, count - from) }, (_, i) => from + i);
    const score = classifier && (await classifier.extract((await images.read(indices)).image, signal ? { signal } : {})).score;
    await judge.add({ feature: await features.read(indices), ...(score && { score }), label: indices.map((i) => images.labels[i]!) });
  }
}

export interface SamplingOptions {
  readonly seed: number;
  /** Images in one call of the generator. */
  readonly batch: number;
  readonly signal?: AbortSignal | undefined;
  note(message: string): void;
}

/** Samples of the generator of the run at `path` under drawn conditions, until all sets are full. Without draws labels are clusters in their shares, or uniform; vectors can't be. */
export async function judgeSamples(path: string, generator: GeneratorFile, draws: Draws | undefined, { seed, batch, signal, note }: SamplingOptions, judge: Judge, models: Models): Promise<void> {
  const { shares, networks: { latent, condition: { labels, width } } } = generator;
  /** Latents of the next images, each of a key of its own: they don't depend on how images are batched. */
  const z = (count: number): TensorValue => {
    const data = new Float32Array(count * latent), { set, within } = judge.at();
    for (let i = 0; i < count; i++) data.set(keyedRandom(seed, `evaluate set ${set}`, within + i, 'z').normal(latent), i * latent);
    return tensor('f32', [count, latent], data);
  };
  const make = async (drawn: Drawn, size: number): Promise<void> => {
    for (let from = 0; from < size && judge.room() > 0;) {
      signal?.throwIfAborted();
      const count = Math.min(batch, size - from, judge.room()), part = (value: TensorValue | undefined) => value && rows(value, from, from + count);
      const given = { label: part(drawn.label), vector: part(drawn.vector) }, index = part(drawn.index);
      const image = await generator.images(z(count), given), judged = await seen(image, models, signal);
      await judge.add({ ...judged, image, ...(given.label && { label: numbers(given.label) }), ...(index && { index: numbers(index) }) });
      from += count;
    }
  };
  if (!draws && width) throw inputError(path, 'its generator is conditioned on vectors, and where they come from depends on the training itself');
  if (!draws && labels && !shares) note(`${path}: labels are drawn uniformly from ${labels}, for where its graph has them from depends on the training itself`);
  for (let call = 0; judge.room() > 0; call++) {
    const drawn = draws ? await draws.next() : labels ? { label: int64(drawLabels(keyedRandom(seed, 'evaluate', call, 'label'), SLICE, labels, shares)) } : {};
    await make(drawn, draws ? Object.values(drawn)[0]!.dims[0]! : SLICE);
  }
}

const numbers = (value: TensorValue): Int32Array => Int32Array.from(value.data as BigInt64Array, Number);

async function seen(image: TensorValue, { extractor, classifier }: Models, signal: AbortSignal | undefined): Promise<Pick<Judged, 'feature' | 'score'>> {
  const how = signal ? { signal } : {}, judged = await extractor.extract(image, how);
  if (!classifier || classifier === extractor) return judged;
  const { score } = await classifier.extract(image, how);
  return { feature: judged.feature, ...(score && { score }) };
}
