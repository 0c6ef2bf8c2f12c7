/** @file A finished run as an object: samples from any instances, and the training images nearest to them. What `gantry sample` and programs use. */
import type { Graph } from '../dataflow/graph.js';
import { exists } from '../journal/atomic.js';
import { keyedRandom } from '../session/keyed-random.js';
import type { Device } from '../session/host.js';
import { GantryError, inputError } from '../spec/issue.js';
import { elements, tensor, type TensorValue } from '../spec/value.js';
import type { Extractor } from '../training/extractor.js';
import { rows } from '../training/networks.js';
import type { Dataset, Features, Networks } from '../training/values.js';
import { ask, sourceOf, type Held } from './ask.js';
import { trainingNode } from './conditions.js';
import { drawSamples, whole, type Instances, type InstanceWish, type SampleOptions, type Samples } from './draw-samples.js';
import { createEngine, type EngineOptions } from './engine.js';
import { extractorBehind } from './extractors.js';
import { pluginsAt } from './graph-plugins.js';
import { nearestRows, type Nearest } from './nearest-rows.js';
import { readRun } from './read-run.js';

export interface OpenRun {
  readonly networks: Networks;
  instances(wish: InstanceWish, seed?: number): Promise<Instances>;
  sample(options?: SampleOptions): Promise<Samples>;
  /** The same, part by part: however many there are, few are in memory at once. */
  stream(options?: SampleOptions): AsyncIterable<Samples>;
  /** Images of latents f32[N,Z] and conditions, as they are. */
  generate(z: TensorValue, condition: { readonly label?: TensorValue | undefined; readonly vector?: TensorValue | undefined }): Promise<TensorValue>;
  /** The `k` training images whose features are nearest to each image's, by cosine. */
  nearest(images: TensorValue, k: number): Promise<Nearest & { readonly names: readonly (readonly string[])[]; readonly images: TensorValue }>;
  close(): Promise<void>;
}

export interface OpenOptions extends Pick<EngineOptions, 'console' | 'threads' | 'plugins'> { readonly device?: Device | 'auto' }

/** Images a call of the generator. */
const BATCH = 64;

/** Opens a run's directory, with the plugins that its graph asks for. Throws an InputError for one without a generator. */
export async function openRun(path: string, options: OpenOptions = {}): Promise<OpenRun> {
  const engine = await createEngine({ ...options, plugins: [...(options.plugins ?? []), ...await pluginsAt(path)] }), closing: (() => Promise<void>)[] = [() => engine.close()];
  const close = async () => { for (const one of closing.splice(0).reverse()) await one(); };
  try {
    for (const { says } of engine.failures) engine.services.note(says);
    const { loaded, plan, generator } = await readRun(engine, path), { services } = engine, { networks } = generator;
    closing.push(generator.close);
    const train = trainingNode(plan)?.id ?? '', source = { dataset: sourceOf(plan, train, '@dataset'), features: networks.condition.width ? sourceOf(plan, train, '@features') : undefined };
    const node = (reference: string) => plan.nodes.find(({ id }) => id === reference.slice(0, reference.indexOf('.')))!;
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
      const { type, settings } = extractorBehind(engine, node(wanted().features), path), opened = await type.open(services, settings);
      closing.push(opened.close);
      return opened;
    };
    /** Photos of a folder, read at the run's size, and their features by the run's extractor. */
    const folder = async (photos: string) => {
      if (!await exists(photos)) throw inputError('--instances', `there is no folder ${photos}`, { try: 'indices such as 3,17, or random:8' });
      const [channels, side] = networks.image, extract = extractorBehind(engine, node(wanted().features), path), reader = 'data/image-folder', before = node(wanted().dataset);
      const { list: _, classes: __, path: ___, ...same } = (before.type.name === reader ? before.config : { resolution: side, channels }) as Record<string, unknown>;
      const graph: Graph = { nodes: { photos: { type: reader, config: { ...same, path: photos } } } };
      const asked = ask(engine, { graph, file: photos, issues: [] }, { dataset: 'photos.dataset' }).catch((error: unknown) => {
        // An empty folder is found when the graph is composed; the option is what people know.
        if (error instanceof GantryError && error.name === 'GraphError') throw inputError('--instances', error.issues.map(({ says }) => says).join('; '), {}, { cause: error });
        throw error;
      });
      const dataset = (await hold(asked)).dataset as Dataset;
      return { dataset, features: await extract.type.features(services, extract.settings, dataset, { where: photos, flips: false }) };
    };

    const run: OpenRun = {
      networks, close,
      async instances(wish, seed = 0) {
        const foreign = typeof wish === 'string' && wish !== 'all', { dataset, features } = await (foreign ? folder(wish) : data());
        const indices = chosenOf(wish, dataset, seed);
        return {
          image: (await dataset.read(indices)).image, vector: await features.read(indices),
          ...(!foreign && { labels: indices.map((i) => dataset.labels[i]!) }), names: Array.from(indices, (i) => dataset.nameOf?.(i) ?? `${dataset.name} ${i}`),
        };
      },
      async generate(z, condition) {
        const count = z.dims[0]!, all = new Float32Array(count * elements(networks.image));
        for (let from = 0; from < count; from += BATCH) {
          const to = Math.min(count, from + BATCH), part = (value: TensorValue | undefined) => value && rows(value, from, to);
          const made = await generator.images(rows(z, from, to), { label: part(condition.label), vector: part(condition.vector) });
          all.set(made.data as Float32Array, from * elements(networks.image));
        }
        return tensor('f32', [count, ...networks.image], all);
      },
      sample: (wishes) => whole(run.stream(wishes)),
      stream: (wishes = {}) => drawSamples({ networks, shares: generator.shares, extractor, instances: run.instances, generate: run.generate, progress: services.progress }, wishes),
      async nearest(images, k) {
        if (!Number.isInteger(k) || k < 1) throw inputError('--nearest', `wants a whole number of at least 1, not ${k}`);
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

/** The images that a wish means. Throws an InputError for those that there are not. */
function chosenOf(wish: InstanceWish, { size, name }: Dataset, seed: number): Int32Array {
  if (typeof wish === 'string') return Int32Array.from({ length: size }, (_, i) => i);
  if ('random' in wish) {
    if (!Number.isInteger(wish.random) || wish.random < 1 || wish.random > size) throw inputError('--instances', `random:${wish.random} wants 1 to ${size} of the ${size} images of ${name}`);
    return keyedRandom(seed, 'sample', 0, 'instances').permutation(size).slice(0, wish.random);
  }
  if (!wish.length) throw inputError('--instances', 'there are none', { try: 'indices such as 3,17, or random:8' });
  const stray = wish.find((i) => !Number.isInteger(i) || i < 0 || i >= size);
  if (stray !== undefined) throw inputError('--instances', `there is no instance ${stray}; ${name} has 0 to ${size - 1}`);
  return Int32Array.from(wish);
}
