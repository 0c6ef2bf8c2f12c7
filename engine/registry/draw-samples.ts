/** @file Samples of instances, part by part: noise keyed by seed and place, labels dealt out, candidates ranked by their features. */
import { keyedRandom, type Random } from '../session/keyed-random.js';
import { inputError } from '../spec/issue.js';
import { elements, int64, tensor, type TensorValue } from '../spec/value.js';
import type { Extractor } from '../training/extractor.js';
import { rowsAt } from '../training/networks.js';
import type { Networks } from '../training/values.js';
import { drawLabels } from './draw-labels.js';

/** Instances: indices into the run's data set, `'all'` of it, so many of it drawn at random, or a folder of photos. */
export type InstanceWish = readonly number[] | string | { readonly random: number };
export interface Instances {
  /** f32[n,…] at the run's size. */
  readonly image: TensorValue;
  /** f32[n,F]: what the generator is conditioned on. */
  readonly vector: TensorValue;
  /** The class of each; photos of another folder have none of the run's. */
  readonly labels?: Int32Array;
  readonly names: readonly string[];
}

export interface SampleOptions {
  readonly instances?: InstanceWish | Instances;
  /** Labels, dealt out to the instances (or samples) in turn. Unless given: an instance's own class, else drawn, clusters in their shares. */
  readonly classes?: readonly number[];
  /** Samples of each instance and seed (1); of each seed, without instances. */
  readonly count?: number;
  /** Noise is keyed by seed and place, the same for all instances ([0]). */
  readonly seeds?: readonly number[];
  /** z is t times a normal cut off at 2 either way, as in the published demonstration; a normal unless given. */
  readonly truncation?: number;
  /** Makes so many times as many, and keeps those whose features are nearest to the instance's. */
  readonly candidates?: number;
}

/** Samples, instance by instance, seed by seed. */
export interface Samples {
  readonly images: TensorValue;
  readonly z: TensorValue;
  readonly label?: TensorValue;
  readonly vector?: TensorValue;
  readonly instances?: Instances;
  /** Of each sample: which instance, which seed, and how far its features are from the instance's where candidates were ranked. */
  readonly of: readonly Origin[];
}
interface Origin { readonly instance?: number; readonly seed: number; readonly distance?: number }

/** What samples are drawn with. */
export interface Source {
  readonly networks: Networks;
  /** Of labels that are clusters. */
  readonly shares?: readonly number[] | undefined;
  instances(wish: InstanceWish, seed: number): Promise<Instances>;
  generate(z: TensorValue, condition: { readonly label?: TensorValue | undefined; readonly vector?: TensorValue | undefined }): Promise<TensorValue>;
  extractor(): Promise<Extractor>;
  progress(what: string, done: number, total: number): void;
}

/** Elements of the images of a part, and samples in it, at most; those of one instance and seed stay together. */
const PART = 1 << 24, MOST = 256;

/** How many samples `options` mean: known as soon as the instances are. */
export const countOf = (instances: number, { count = 1, seeds = [0] }: SampleOptions): number => instances * seeds.length * count;

/** The samples in parts of bounded size, in order. Throws an InputError that names the option before anything is made. */
export async function* drawSamples(source: Source, options: SampleOptions): AsyncGenerator<Samples> {
  const { networks: { latent, image, condition: { labels, width } }, shares } = source, { classes, count = 1, seeds = [0], truncation, candidates = 1 } = options;
  check(options, source.networks);
  const wish = options.instances, instances = wish === undefined ? undefined : typeof wish === 'object' && 'vector' in wish ? wish : await source.instances(wish, seeds[0]!);
  if (labels && !classes && instances && !instances.labels) throw inputError('--classes', "photos of another folder have no class of this run's: which are they?", { try: `a label from 0 to ${labels - 1}, or all` });
  const each = count * candidates, groups = (instances?.names.length ?? 1) * seeds.length;
  const drawn = labels && !classes && !instances ? drawLabels(keyedRandom(seeds[0]!, 'sample', 0, 'labels'), groups * each, labels, shares) : undefined;
  const labelOf = (instance: number | undefined, i: number) => (classes ? classes[(instance ?? i) % classes.length]! : instance === undefined ? drawn![i]! : instances!.labels![instance]!);
  const together = Math.max(1, Math.floor(Math.min(MOST, PART / elements(image)) / each));
  for (let group = 0; group < groups; group += together) {
    const from = group * each, size = (Math.min(groups, group + together) - group) * each;
    const z = new Float32Array(size * latent), vectors = instances && new Float32Array(size * width), chosen: number[] = [], of: Origin[] = [];
    for (let i = from; i < from + size; i++) {
      const nth = Math.floor(i / each), seed = seeds[nth % seeds.length]!, instance = instances && Math.floor(nth / seeds.length);
      z.set(noise(keyedRandom(seed, 'sample', i % each, 'z'), latent, truncation), (i - from) * latent);
      vectors?.set((instances!.vector.data as Float32Array).subarray(instance! * width, (instance! + 1) * width), (i - from) * width);
      if (labels) chosen.push(labelOf(instance, i));
      of.push({ ...(instance !== undefined && { instance }), seed });
    }
    const noises = tensor('f32', [size, latent], z), label = labels ? int64(chosen) : undefined, vector = vectors && tensor('f32', [size, width], vectors);
    const part: Samples = { images: await source.generate(noises, { label, vector }), z: noises, ...(label && { label }), ...(vector && { vector }), ...(instances && { instances }), of };
    source.progress('samples', from + size, groups * each);
    yield candidates > 1 ? ranked(part, (await (await source.extractor()).extract(part.images)).feature, each, count) : part;
  }
}

/** All parts as one. */
export async function whole(parts: AsyncIterable<Samples>): Promise<Samples> {
  const all: Samples[] = [];
  for await (const part of parts) all.push(part);
  const [first] = all, joined = (of: (part: Samples) => TensorValue | undefined): TensorValue | undefined => {
    const values = all.map(of), [one] = values;
    if (!one || all.length === 1) return one;
    const size = elements(one.dims.slice(1)), count = values.reduce((n, value) => n + value!.dims[0]!, 0), data = one.dtype === 'i64' ? new BigInt64Array(count * size) : new Float32Array(count * size);
    let at = 0;
    for (const value of values) { data.set(value!.data as never, at); at += value!.data.length; }
    return tensor(one.dtype, [count, ...one.dims.slice(1)], data);
  };
  const label = joined((part) => part.label), vector = joined((part) => part.vector);
  return {
    images: joined((part) => part.images)!, z: joined((part) => part.z)!, ...(label && { label }), ...(vector && { vector }),
    ...(first!.instances && { instances: first!.instances }), of: all.flatMap((part) => part.of),
  };
}

function check({ instances, classes, count = 1, seeds = [0], truncation, candidates = 1 }: SampleOptions, { condition: { labels, width } }: Networks): void {
  for (const [option, value] of [['--count', count], ['--candidates', candidates]] as const) {
    if (!Number.isSafeInteger(value) || value < 1) throw inputError(option, `wants a whole number of at least 1, not ${value}`);
  }
  if (!seeds.length || !seeds.every(Number.isSafeInteger)) throw inputError('--seeds', `wants whole numbers, not ${seeds.length ? seeds : 'none'}`);
  if (truncation !== undefined && !(truncation > 0 && Number.isFinite(truncation))) throw inputError('--truncation', `wants a number above 0, not ${truncation}`);
  if (classes && !labels) throw inputError('--classes', 'this generator has no classes');
  if (classes && !classes.length) throw inputError('--classes', 'there are none');
  const stray = classes?.find((c) => !Number.isInteger(c) || c < 0 || c >= labels);
  if (stray !== undefined) throw inputError('--classes', `there is no class ${stray}; there are 0 to ${labels - 1}`);
  if (width && instances === undefined) throw inputError('--instances', 'this generator is conditioned on instances: which?', { try: '--instances random:8' });
  if (!width && candidates > 1) throw inputError('--candidates', 'they are ranked by how near they are to an instance; this generator is conditioned on none');
}

/** Standard normal numbers; with a truncation t, t times such numbers of which those beyond 2 are drawn again. */
export function noise(random: Random, count: number, truncation?: number): Float32Array {
  const out = random.normal(count);
  if (truncation === undefined) return out;
  const cut = (i: number) => Math.abs(out[i]!) > 2;
  for (let beyond = Array.from(out.keys()).filter(cut); beyond.length; beyond = beyond.filter(cut)) {
    const again = random.normal(beyond.length);
    beyond.forEach((i, n) => { out[i] = again[n]!; });
  }
  return out.map((v) => v * truncation);
}

/** Of each group of `each` samples the `keep` whose features are nearest to the instance's, nearest first. */
function ranked(samples: Samples, feature: TensorValue, each: number, keep: number): Samples {
  const vector = samples.vector!, width = vector.dims[1]!, a = vector.data as Float32Array, b = feature.data as Float32Array;
  const distance = samples.of.map((_, i) => { let sum = 0; for (let f = i * width; f < (i + 1) * width; f++) sum += (a[f]! - b[f]!) ** 2; return Math.sqrt(sum); });
  const kept = samples.of.flatMap((_, i) => (i % each === 0 ? Array.from({ length: each }, (_, n) => i + n).sort((x, y) => distance[x]! - distance[y]! || x - y).slice(0, keep) : []));
  const chosen = (value: TensorValue) => rowsAt(value, kept);
  return {
    ...samples, images: chosen(samples.images), z: chosen(samples.z), ...(samples.label && { label: chosen(samples.label) }), vector: chosen(vector),
    of: kept.map((i) => ({ ...samples.of[i]!, distance: distance[i]! })),
  };
}
