/** @file A finished run as an object: samples from any instances, and the training images nearest to them. What `gantry sample` and programs use. */
import type { Graph } from '../dataflow/graph.js';
import { exists } from '../journal/atomic.js';
import { keyedRandom } from '../session/keyed-random.js';
import type { Device } from '../session/host.js';
import { inputError } from '../spec/issue.js';
import { elements, int64, tensor, type TensorValue } from '../spec/value.js';
import type { Extractor, ExtractorType } from '../training/extractor.js';
import { rows } from '../training/networks.js';
import type { Dataset, Features, Networks } from '../training/values.js';
import { ask, sourceOf, type Held } from './ask.js';
import { trainingNode } from './conditions.js';
import { createEngine, type EngineOptions } from './engine.js';
import { nearestRows, type Nearest } from './nearest-rows.js';
import { readRun } from './read-run.js';

/** Instances: indices into the run's data set, a folder of photos, or so many of the data set drawn at random. */
export type InstanceWish = readonly number[] | string | { readonly random: number };
export interface Instances {
  /** f32[n,…] at the run's size. */
  readonly image: TensorValue;
  /** f32[n,F]: what the generator is conditioned on. */
  readonly vector: TensorValue;
  /** The class of each, where the data set has classes. */
  readonly labels: Int32Array;
  readonly names: readonly string[];
}

export interface SampleOptions {
  readonly instances?: InstanceWish | Instances;
  /** Labels, dealt out to the instances (or samples) in turn. Unless given: an instance's own class, else drawn uniformly. */
  readonly classes?: readonly number[];
  /** Samples of each instance and seed (1); of all, without instances. */
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
  readonly of: readonly { readonly instance?: number; readonly seed: number; readonly distance?: number }[];
}

export interface OpenRun {
  readonly networks: Networks;
  instances(wish: InstanceWish, seed?: number): Promise<Instances>;
  sample(options?: SampleOptions): Promise<Samples>;
  /** Images of latents f32[N,Z] and conditions, as they are. */
  generate(z: TensorValue, condition: { readonly label?: TensorValue | undefined; readonly vector?: TensorValue | undefined }): Promise<TensorValue>;
  /** The `k` training images whose features are nearest to each image's, by cosine. */
  nearest(images: TensorValue, k: number): Promise<Nearest & { readonly names: readonly (readonly string[])[]; readonly images: TensorValue }>;
  close(): Promise<void>;
}

export interface OpenOptions extends Pick<EngineOptions, 'console' | 'threads' | 'plugins'> { readonly device?: Device | 'auto' }

/** Images a call of the generator. */
const BATCH = 64;

/** Opens a run's directory. Throws an InputError for one without a generator. */
export async function openRun(path: string, options: OpenOptions = {}): Promise<OpenRun> {
  const engine = await createEngine(options), closing: (() => Promise<void>)[] = [() => engine.close()];
  const close = async () => { for (const one of closing.reverse()) await one(); };
  try {
    const { loaded, plan, generator } = await readRun(engine, path), { services } = engine, { networks } = generator;
    closing.push(generator.close);
    const train = trainingNode(plan)?.id ?? '', source = { dataset: sourceOf(plan, train, '@dataset'), features: networks.condition.width ? sourceOf(plan, train, '@features') : undefined };
    const node = (reference: string) => loaded.graph.nodes[reference.slice(0, reference.indexOf('.'))]!;
    const hold = async (asked: Promise<Held>): Promise<Held['values']> => { const held = await asked; closing.push(held.close); return held.values; };

    const wanted = () => {
      const { dataset, features } = source;
      if (!dataset || !features) throw inputError('--instances', `the generator of ${path} is conditioned on ${networks.condition.labels ? 'labels' : 'nothing'}, not on the features of instances`);
      return { dataset, features };
    };
    let own: Promise<Held['values']> | undefined;
    const data = () => {
      own ??= hold(ask(engine, loaded, wanted()));
      return own as Promise<{ readonly dataset: Dataset; readonly features: Features }>;
    };
    let opening: Promise<Extractor> | undefined;
    const extractor = () => {
      opening ??= openExtractor();
      return opening;
    };
    const openExtractor = async () => {
      const { batch: _, flips: __, memory: ___, ...config } = node(wanted().features).config as Record<string, unknown>;
      const type = services.component<ExtractorType>('extractor', 'onnx'), opened = await type.open(services, type.config.parse(config));
      closing.push(opened.close);
      return opened;
    };
    /** Photos of a folder, read at the run's size, and their features by the run's extractor. */
    const folder = async (photos: string) => {
      if (!await exists(photos)) throw inputError('--instances', `there is no folder ${photos}`, { try: 'indices such as 3,17, or random:8' });
      const [channels, side] = networks.image, extract = node(wanted().features), reader = 'data/image-folder', before = node(wanted().dataset);
      const { list: _, classes: __, path: ___, ...same } = (before.type === reader ? before.config : { resolution: side, channels }) as Record<string, unknown>;
      const graph: Graph = { nodes: {
        photos: { type: reader, config: { ...same, path: photos } },
        features: { type: extract.type, config: { ...(extract.config as object), flips: false }, in: { dataset: 'photos.dataset' } },
      } };
      return hold(ask(engine, { graph, file: photos, issues: [] }, { dataset: 'photos.dataset', features: 'features.features' })) as ReturnType<typeof data>;
    };

    const run: OpenRun = {
      networks, close,
      async instances(wish, seed = 0) {
        const { dataset, features } = await (typeof wish === 'string' ? folder(wish) : data());
        const indices = typeof wish === 'string' ? Int32Array.from({ length: dataset.size }, (_, i) => i)
          : 'random' in wish ? keyedRandom(seed, 'sample', 0, 'instances').permutation(dataset.size).slice(0, wish.random) : Int32Array.from(wish);
        const stray = indices.find((i) => i < 0 || i >= dataset.size);
        if (stray !== undefined) throw inputError('--instances', `there is no instance ${stray}; ${dataset.name} has 0 to ${dataset.size - 1}`);
        return {
          image: (await dataset.read(indices)).image, vector: await features.read(indices),
          labels: indices.map((i) => dataset.labels[i]!), names: Array.from(indices, (i) => dataset.nameOf?.(i) ?? `${dataset.name} ${i}`),
        };
      },
      async generate(z, condition) {
        const count = z.dims[0]!, all = new Float32Array(count * elements(networks.image));
        for (let from = 0; from < count; from += BATCH) {
          const to = Math.min(count, from + BATCH), part = (value: TensorValue | undefined) => value && rows(value, from, to);
          const made = await generator.images(rows(z, from, to), { label: part(condition.label), vector: part(condition.vector) });
          all.set(made.data as Float32Array, from * elements(networks.image));
          services.progress('samples', to, count);
        }
        return tensor('f32', [count, ...networks.image], all);
      },
      sample: (wishes = {}) => sample(run, wishes, extractor),
      async nearest(images, k) {
        const { dataset, features } = await data();
        const { feature } = await (await extractor()).extract(images);
        const found = await nearestRows(services, feature, features, Math.min(k, dataset.size));
        return { ...found, names: Array.from({ length: found.index.length / found.k }, (_, i) => Array.from(found.index.subarray(i * found.k, (i + 1) * found.k), (j) => dataset.nameOf?.(j) ?? `${dataset.name} ${j}`)), images: (await dataset.read(found.index)).image };
      },
    };
    return run;
  } catch (error) {
    await close();
    throw error;
  }
}

/** Standard normal numbers, those beyond `bound` drawn again. */
function cutNormals(seed: number, place: number, count: number, bound: number): Float32Array {
  const random = keyedRandom(seed, 'sample', place, 'z'), out = random.normal(count);
  for (let beyond = Array.from(out.keys()).filter((i) => Math.abs(out[i]!) > bound); beyond.length; ) {
    const again = random.normal(beyond.length);
    beyond.forEach((i, n) => { out[i] = again[n]!; });
    beyond = beyond.filter((i) => Math.abs(out[i]!) > bound);
  }
  return out;
}

async function sample(run: OpenRun, { instances: wish, classes, count = 1, seeds = [0], truncation, candidates = 1 }: SampleOptions, extractor: () => Promise<Extractor>): Promise<Samples> {
  const { latent, condition: { labels, width } } = run.networks;
  const stray = classes?.find((c) => !Number.isInteger(c) || c < 0 || c >= labels);
  if (stray !== undefined) throw inputError('--classes', labels ? `there is no class ${stray}; there are 0 to ${labels - 1}` : 'this generator has no classes');
  if (width && wish === undefined) throw inputError('--instances', 'this generator is conditioned on instances: which?', { try: '--instances random:8' });
  const instances = wish === undefined ? undefined : typeof wish === 'object' && 'vector' in wish ? wish : await run.instances(wish, seeds[0]);
  const each = count * candidates, rowsOf = instances?.names.length ?? 1, total = rowsOf * seeds.length * each;
  const of = Array.from({ length: total }, (_, i) => ({ ...(instances && { instance: Math.floor(i / (seeds.length * each)) }), seed: seeds[Math.floor(i / each) % seeds.length]! }));
  const z = new Float32Array(total * latent);
  of.forEach(({ seed }, i) => {
    const drawn = truncation === undefined ? keyedRandom(seed, 'sample', i % each, 'z').normal(latent) : cutNormals(seed, i % each, latent, 2).map((v) => v * truncation);
    z.set(drawn, i * latent);
  });
  const drawn = labels && !classes && !instances ? keyedRandom(seeds[0]!, 'sample', 0, 'labels').integers(total, labels) : undefined;
  const label = labels ? int64(of.map(({ instance }, i) => classes?.[(instance ?? i) % classes.length] ?? (instances ? instances.labels[instance!]! : drawn![i]!))) : undefined;
  const own = instances && (instances.vector.data as Float32Array);
  const vector = own && tensor('f32', [total, width], Float32Array.from({ length: total * width }, (_, i) => own[of[Math.floor(i / width)]!.instance! * width + (i % width)]!));
  const whole: Samples = { images: await run.generate(tensor('f32', [total, latent], z), { label, vector }), z: tensor('f32', [total, latent], z), ...(label && { label }), ...(vector && { vector }), ...(instances && { instances }), of };
  return candidates > 1 && vector ? ranked(whole, vector, (await (await extractor()).extract(whole.images)).feature, each, count) : whole;
}

/** Of each group of `each` samples the `keep` whose features are nearest to the instance's. */
function ranked(samples: Samples, vector: TensorValue, feature: TensorValue, each: number, keep: number): Samples {
  const width = vector.dims[1]!, a = vector.data as Float32Array, b = feature.data as Float32Array;
  const distance = samples.of.map((_, i) => { let sum = 0; for (let f = i * width; f < (i + 1) * width; f++) sum += (a[f]! - b[f]!) ** 2; return Math.sqrt(sum); });
  const kept = samples.of.flatMap((_, i) => (i % each === 0 ? Array.from({ length: each }, (_, n) => i + n).sort((x, y) => distance[x]! - distance[y]! || x - y).slice(0, keep) : []));
  const chosen = (value: TensorValue): TensorValue => {
    const size = elements(value.dims.slice(1)), out = value.data.slice(0, kept.length * size);
    kept.forEach((from, to) => { out.set(value.data.subarray(from * size, (from + 1) * size) as never, to * size); });
    return tensor(value.dtype, [kept.length, ...value.dims.slice(1)], out);
  };
  return {
    images: chosen(samples.images), z: chosen(samples.z), ...(samples.label && { label: chosen(samples.label) }), vector: chosen(vector), ...(samples.instances && { instances: samples.instances }),
    of: kept.map((i) => ({ ...samples.of[i]!, distance: distance[i]! })),
  };
}
