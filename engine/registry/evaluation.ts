/** @file Judges a run's samples, or a folder of images, against real images: extraction by one frozen model, any metric that plugins bring, several noise seeds. */
import type { Plan } from '../dataflow/plan.js';
import { read } from '../dataflow/load.js';
import { exists } from '../journal/atomic.js';
import { holdsRun, layoutOf } from '../journal/run-directory.js';
import { keyedRandom } from '../session/keyed-random.js';
import { inputError } from '../spec/issue.js';
import { list, near } from '../spec/near.js';
import { int64, tensor, type TensorValue } from '../spec/value.js';
import type { Extractor, ExtractorType } from '../training/extractor.js';
import type { Judged, Judging, JudgedSet, Metric, OpenMetric } from '../training/metric.js';
import { rows } from '../training/networks.js';
import type { Dataset, Features, Neighbours } from '../training/values.js';
import { ask, sourceOf, type Held } from './ask.js';
import { conditionSource, drawConditions, trainingNode, type Drawn } from './conditions.js';
import type { Engine, Loaded } from './engine.js';
import { openGenerator, type GeneratorFile } from './generator-file.js';

export interface EvaluationOptions {
  /** A run, a graph file (their data) or a folder of images: what is real. A run's own data, unless given. */
  readonly against?: string | undefined;
  /** Settings of the extractor that judges: `{ model: 'tiny-darknet' }`, as a node's config. */
  readonly extractor: object;
  /** Settings of the classifier of the score. */
  readonly classifier?: object | undefined;
  /** Names of metrics; all that can be computed, unless given. */
  readonly metrics?: readonly string[] | undefined;
  /** Generated images of each set; as many as there are real ones, 50,000 at most, unless given. */
  readonly count?: number | undefined;
  /** Sets of a run's samples. */
  readonly seeds: number;
  /** Key of latents and conditions. */
  readonly seed: number;
  /** Images in one call of the generator. */
  readonly batch: number;
  /** Side of the square that photos of a folder are cropped and resized to; that of the other side's images unless given, or FOLDER_SIDE. */
  readonly resolution?: number | undefined;
  readonly strata?: 'paper' | 'code' | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A number of every set. */
export interface Evaluated { readonly metric: string; readonly values: readonly number[] }
export interface Evaluation { readonly numbers: readonly Evaluated[]; readonly count: number; readonly real: { readonly name: string; readonly count: number }; readonly extractor: string }

const MOST = 50_000;
const FOLDER_SIDE = 256;
/** The node type that reads a folder of images. */
const FOLDER = 'data/image-folder';
/** Rows of stored vectors and images read at once. */
const SLICE = 256;

interface Run { readonly loaded: Loaded; readonly plan: Plan; readonly generator: GeneratorFile }

/** Judges `subject`: a run's directory, or a folder of images. Throws an InputError for what is not there or does not fit. */
export async function evaluate(engine: Engine, subject: string, options: EvaluationOptions): Promise<Evaluation> {
  const closing: (() => Promise<void> | void)[] = [];
  const held = async (asked: Promise<Held>): Promise<Held['values']> => { const found = await asked; closing.push(found.close); return found.values; };
  const { services } = engine, { signal, seed, strata } = options, { type, settings } = extractorOf(engine, options.extractor, '--extractor');
  const metrics = chosen(engine, options);
  try {
    const run = await holdsRun(subject) ? await openRun(engine, subject) : undefined;
    if (run) closing.push(run.generator.close);
    else if (!await exists(subject)) throw inputError(subject, 'there is no such run directory or folder of images');
    const folder = (path: string, side: number | undefined) => held(ask(engine, folderGraph(engine, path, options.resolution ?? side ?? FOLDER_SIDE), { dataset: 'images.dataset' }, signal ? { signal } : {}));
    const of = async (loaded: Loaded, wanted: Readonly<Record<string, string>>) => held(ask(engine, loaded, wanted, signal ? { signal } : {}));

    const own = run && await of(run.loaded, referencesOf(run));
    const training = own?.dataset as Dataset | undefined, neighbours = own?.neighbours as Neighbours | undefined;
    const truth = await reference(engine, options.against, { own: training, of, folder });
    const images = run ? undefined : (await folder(subject, truth.image.dims[1] as number)).dataset as Dataset;

    const extractor = await type.open(services, settings);
    closing.push(extractor.close);
    const features = (dataset: Dataset, where: string) => type.features(services, settings, dataset, { where, ...(signal && { signal }) });
    const real = await features(truth, 'real images');
    const source = run && conditionSource(engine, run.plan, run.loaded.graph);
    const instances = source?.index && neighbours && training ? { features: training.key === truth.key ? real : await features(training, 'instances'), neighbours } : undefined;
    const usable = metrics.filter((metric) => possible(metric, { instances: instances !== undefined, score: options.classifier !== undefined, asked: options.metrics !== undefined }));
    const classifier = usable.some(({ needs }) => needs === 'score') ? await openClassifier(engine, options.classifier!, closing) : undefined;

    const count = Math.min(options.count ?? Math.min(truth.size, MOST), images?.size ?? Number.POSITIVE_INFINITY), sets = run ? options.seeds : 1;
    const judging: Judging = {
      services, real, count, instances, signal, random: (name) => keyedRandom(seed, 'evaluate', 0, name),
      strata: strata && { borders: strata, training: training ?? truth },
    };
    const judge = createJudge(await opened(usable, judging, closing), count, sets, (done) => services.progress('images judged', done, sets * count));
    if (run) await fromRun(engine, run, source, options, count * sets, judge, extractor, classifier);
    else await fromFolder(images!, await features(images!, subject), count, judge, classifier, signal);
    return { numbers: judge.numbers(), count, real: { name: truth.name, count: truth.size }, extractor: extractor.name };
  } finally {
    for (const close of closing.reverse()) await close();
  }
}

async function openRun(engine: Engine, path: string): Promise<Run> {
  const { graph, generator } = layoutOf(path);
  if (!await exists(generator)) throw inputError(path, 'it holds no generator.onnx; a run writes it at its end', { try: `gantry run --resume ${path}` });
  const loaded = await read(graph);
  return { loaded, plan: await engine.compose(loaded), generator: await openGenerator(engine.services.host, generator) };
}

/** The data set of a plan, and the neighbourhoods that its training node depends on. */
function referencesOf({ plan, loaded }: { readonly plan: Plan; readonly loaded: Loaded }): Readonly<Record<string, string>> {
  const train = trainingNode(plan), neighbours = train && sourceOf(plan, train.id, '@neighbours');
  const any = plan.nodes.flatMap(({ id, outputs }) => Object.entries(outputs).flatMap(([port, is]) => (is.startsWith('@dataset') ? [`${id}.${port}`] : [])));
  const dataset = (train && sourceOf(plan, train.id, '@dataset')) ?? any[0];
  if (!dataset) throw inputError(loaded.file ?? 'the graph', 'none of its nodes gives a data set');
  return { dataset, ...(neighbours && { neighbours }) };
}

interface Sources { readonly own: Dataset | undefined; of(loaded: Loaded, wanted: Readonly<Record<string, string>>): Promise<Held['values']>; folder(path: string, side: number | undefined): Promise<Held['values']> }

async function reference(engine: Engine, against: string | undefined, { own, of, folder }: Sources): Promise<Dataset> {
  if (against === undefined) {
    if (!own) throw inputError('--against', 'a folder of images is judged against real images: which?', { try: '--against FOLDER, a run or a graph file' });
    return own;
  }
  if (!await exists(against)) throw inputError('--against', `there is no ${against}; wants a run, a graph file or a folder of images`);
  const isRun = await holdsRun(against);
  if (!isRun && !against.endsWith('.json')) return (await folder(against, own?.image.dims[1] as number | undefined)).dataset as Dataset;
  const loaded = await read(isRun ? layoutOf(against).graph : against), plan = await engine.compose(loaded), { dataset } = referencesOf({ plan, loaded });
  return (await of(loaded, { dataset: dataset! })).dataset as Dataset;
}

function folderGraph(engine: Engine, path: string, resolution: number): Loaded {
  if (!engine.types.has(FOLDER)) throw inputError(path, `nothing here reads a folder of images: no plugin brings ${FOLDER}`);
  return { file: path, graph: { nodes: { images: { type: FOLDER, config: { path, resolution } } } }, issues: [] };
}

/** The extractor of these settings: they may be of one that a plugin brings, by its `type`; `onnx` unless they say otherwise. */
function extractorOf(engine: Engine, given: object, where: string): { readonly type: ExtractorType; readonly settings: unknown } {
  const { type: name = 'onnx', ...rest } = given as { readonly type?: string };
  const type = engine.services.component<ExtractorType>('extractor', name), parsed = type.config.safeParse(rest);
  if (!parsed.success) throw inputError(where, parsed.error.issues.map((issue) => `${issue.path.map(String).join('.') || 'it'}: ${issue.message}`).join('; '));
  return { type, settings: parsed.data };
}

async function openClassifier(engine: Engine, given: object, closing: (() => Promise<void> | void)[]): Promise<Extractor> {
  const { type, settings } = extractorOf(engine, { score: true, ...given }, '--classifier'), classifier = await type.open(engine.services, settings);
  closing.push(classifier.close);
  return classifier;
}

function chosen(engine: Engine, { metrics: wanted }: EvaluationOptions): readonly Metric[] {
  const all = engine.parts<Metric>('metric').map(({ value }) => value);
  for (const name of wanted ?? []) {
    const names = all.map((metric) => metric.name), meant = near(name, names);
    if (!names.includes(name)) throw inputError('--metrics', `there is no metric ${name}; at hand: ${list(names)}`, meant ? { try: meant } : {});
  }
  return wanted ? all.filter(({ name }) => wanted.includes(name)) : all;
}

/** Whether a metric can be computed; one that was asked for by name and can't is an InputError. */
function possible({ name, needs }: Metric, { instances, score, asked }: { readonly instances: boolean; readonly score: boolean; readonly asked: boolean }): boolean {
  if (needs === undefined || (needs === 'score' ? score : instances)) return true;
  if (!asked) return false;
  if (needs === 'score') throw inputError('--metrics', `${name} wants a classifier`, { try: '--classifier MODEL' });
  throw inputError('--metrics', `${name} wants a run whose graph conditions its generator on instances and knows their neighbours`);
}

async function opened(metrics: readonly Metric[], judging: Judging, closing: (() => Promise<void> | void)[]): Promise<readonly OpenMetric[]> {
  const all: OpenMetric[] = [];
  for (const metric of metrics) {
    const one = await metric.open(judging);
    closing.push(one.close);
    all.push(one);
  }
  return all;
}

interface Judge {
  /** Judges a batch that lies within one set: what is left of it is `room`. */
  add(batch: Judged): Promise<void>;
  room(): number;
  /** The set that is being filled. */
  set(): number;
  numbers(): readonly Evaluated[];
}

function createJudge(metrics: readonly OpenMetric[], count: number, sets: number, progress: (done: number) => void): Judge {
  let current: readonly JudgedSet[] = [], within = 0, set = 0;
  const found = new Map<string, number[]>();
  return {
    set: () => set,
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

async function fromFolder(images: Dataset, features: Features, count: number, judge: Judge, classifier: Extractor | undefined, signal: AbortSignal | undefined): Promise<void> {
  for (let from = 0; from < count; from += SLICE) {
    signal?.throwIfAborted();
    const indices = Int32Array.from({ length: Math.min(SLICE, count - from) }, (_, i) => from + i);
    const score = classifier && (await classifier.extract((await images.read(indices)).image, signal ? { signal } : {})).score;
    await judge.add({ feature: await features.read(indices), ...(score && { score }), label: indices.map((i) => images.labels[i]!) });
  }
}

/** Images of a run's generator under conditions as its graph draws them; where it draws none without training, labels are uniform. */
async function fromRun(
  engine: Engine, { loaded, plan, generator }: Run, source: ReturnType<typeof conditionSource>, { seed, batch, signal }: EvaluationOptions, total: number,
  judge: Judge, extractor: Extractor, classifier: Extractor | undefined,
): Promise<void> {
  const { latent, condition: { labels, width } } = generator.networks, latents = new Map<number, ReturnType<typeof keyedRandom>>();
  const take = async (drawn: Drawn, size: number): Promise<void> => {
    for (let from = 0; from < size && judge.room() > 0;) {
      signal?.throwIfAborted();
      const n = Math.min(batch, size - from, judge.room()), set = judge.set(), part = (value: TensorValue | undefined) => value && rows(value, from, from + n);
      const stream = latents.get(set) ?? keyedRandom(seed, 'evaluate', set, 'z');
      latents.set(set, stream);
      const { label, vector, index } = { label: part(drawn.label), vector: part(drawn.vector), index: part(drawn.index) };
      const image = await generator.images(tensor('f32', [n, latent], stream.normal(n * latent)), { label, vector }), how = signal ? { signal } : {};
      const numbers = (value: TensorValue) => Int32Array.from(value.data as BigInt64Array, Number);
      const { feature } = await extractor.extract(image, how), score = (await classifier?.extract(image, how))?.score;
      await judge.add({ feature, ...(score && { score }), ...(label && { label: numbers(label) }), ...(index && { index: numbers(index) }) });
      from += n;
    }
  };
  if (source && (labels || width)) return drawConditions(engine, loaded, plan, source, { count: total, seed, signal }, (drawn) => take(drawn, Object.values(drawn)[0]!.dims[0]!));
  if (width) throw inputError(loaded.file ?? 'the graph', 'its generator is conditioned on vectors, and where they come from depends on the training itself');
  if (labels) engine.services.note(`labels are drawn uniformly from ${labels}: where the graph has them from depends on the training itself`);
  for (let done = 0, wave = 0; done < total; done += batch, wave++) await take(labels ? { label: int64(keyedRandom(seed, 'evaluate', wave, 'label').integers(batch, labels)) } : {}, batch);
}
