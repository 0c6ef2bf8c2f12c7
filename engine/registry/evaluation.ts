/** @file Judges a run's samples, or a folder of images, against real images: extraction by one frozen model, any metric that plugins bring, several noise seeds. */
import { read } from '../dataflow/load.js';
import { exists } from '../journal/atomic.js';
import { holdsRun } from '../journal/run-directory.js';
import { keyedRandom } from '../session/keyed-random.js';
import { inputError } from '../spec/issue.js';
import { list, near } from '../spec/near.js';
import type { Extractor } from '../training/extractor.js';
import type { Judging, Metric, OpenMetric } from '../training/metric.js';
import type { Dataset, Neighbours } from '../training/values.js';
import { ask, type Held } from './ask.js';
import { conditionSource, openDraws, type Draws } from './conditions.js';
import type { Engine, Loaded } from './engine.js';
import { extractorOf } from './extractors.js';
import { graphFileAt } from './graph-plugins.js';
import { createJudge, judgeImages, judgeSamples, type Evaluated } from './judge.js';
import { readRun, referencesOf, type Run } from './read-run.js';

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

export interface Evaluation { readonly numbers: readonly Evaluated[]; readonly count: number; readonly real: { readonly name: string; readonly count: number }; readonly extractor: string }

const MOST = 50_000;
const FOLDER_SIDE = 256;
/** The node type that reads a folder of images. */
const FOLDER = 'data/image-folder';

/** Judges `subject`: a run's directory, or a folder of images. Throws an InputError for what is not there or does not fit. */
export async function evaluate(engine: Engine, subject: string, options: EvaluationOptions): Promise<Evaluation> {
  const closing: (() => Promise<void> | void)[] = [];
  const held = async (asked: Promise<Held>): Promise<Held['values']> => { const found = await asked; closing.push(found.close); return found.values; };
  const { services } = engine, { signal, seed, strata } = options, { type, settings } = extractorOf(engine, options.extractor, '--extractor');
  let metrics = chosen(engine, options);
  if (options.classifier === undefined) metrics = without(metrics, 'score', options);
  try {
    const { extractor, classifier } = await openModels(engine, options, metrics.some(({ needs }) => needs === 'score'), closing);
    const run = await holdsRun(subject) ? await readRun(engine, subject) : undefined;
    if (run) closing.push(run.generator.close);
    else if (!await exists(subject)) throw inputError(subject, 'there is no such run directory or folder of images');
    if (!run || !referencesOf(run).neighbours) metrics = without(metrics, 'instances', options);
    const folder = (path: string, side: number | undefined) => held(ask(engine, folderGraph(engine, path, options.resolution ?? side ?? FOLDER_SIDE), { dataset: 'images.dataset' }, signal ? { signal } : {}));
    const of = async (loaded: Loaded, wanted: Readonly<Record<string, string>>) => held(ask(engine, loaded, wanted, signal ? { signal } : {}));

    const draws = run && await drawsOf(engine, run, options, closing), own = draws?.values ?? (run && await of(run.loaded, referencesOf(run)));
    const training = own?.dataset as Dataset | undefined, neighbours = own?.neighbours as Neighbours | undefined;
    const truth = await reference(engine, options.against, { own: training, of, folder });
    const images = run ? undefined : (await folder(subject, truth.image.dims[1] as number)).dataset as Dataset;

    const features = (dataset: Dataset, where: string) => type.features(services, settings, dataset, { where, ...(signal && { signal }) });
    const real = await features(truth, 'real images');
    const instances = draws?.index && neighbours && training ? { features: training.key === truth.key ? real : await features(training, 'instances'), neighbours } : undefined;
    if (!instances) metrics = without(metrics, 'instances', options);

    const count = Math.min(options.count ?? Math.min(truth.size, MOST), images?.size ?? Number.POSITIVE_INFINITY), sets = run ? options.seeds : 1;
    const judging: Judging = {
      services, real, count, instances, signal, random: (name) => keyedRandom(seed, 'evaluate', 0, name),
      strata: strata && { borders: strata, training: training ?? truth },
    };
    const judge = createJudge(await opened(metrics, judging, closing), count, sets, (done) => services.progress('images judged', done, sets * count));
    const models = { extractor, classifier };
    if (run) await judgeSamples(run.path, run.generator, draws, { ...options, note: services.note }, judge, models);
    else await judgeImages(images!, await features(images!, subject), count, judge, models, signal);
    return { numbers: judge.numbers(), count, real: { name: truth.name, count: truth.size }, extractor: extractor.name };
  } finally {
    for (const close of closing.reverse()) await close();
  }
}

/** The graph that draws a run's conditions, if its generator has some and they don't depend on the training; and whether it says which instances they are of. */
export async function drawsOf(engine: Engine, run: Run, { seed, signal }: Pick<EvaluationOptions, 'seed' | 'signal'>, closing: (() => Promise<void> | void)[]): Promise<(Draws & { readonly index: boolean }) | undefined> {
  const { labels, width } = run.generator.networks.condition, source = labels || width ? conditionSource(engine, run.plan, run.loaded.graph) : undefined;
  if (!source) return undefined;
  const draws = await openDraws(engine, run.loaded, run.plan, source, referencesOf(run), { seed, signal });
  closing.push(draws.close);
  return { ...draws, index: source.index !== undefined };
}

interface Sources { readonly own: Dataset | undefined; of(loaded: Loaded, wanted: Readonly<Record<string, string>>): Promise<Held['values']>; folder(path: string, side: number | undefined): Promise<Held['values']> }

async function reference(engine: Engine, against: string | undefined, { own, of, folder }: Sources): Promise<Dataset> {
  if (against === undefined) {
    if (!own) throw inputError('--against', 'a folder of images is judged against real images: which?', { try: '--against FOLDER, a run or a graph file' });
    return own;
  }
  if (!await exists(against)) throw inputError('--against', `there is no ${against}; wants a run, a graph file or a folder of images`);
  const file = await graphFileAt(against);
  if (!file) return (await folder(against, own?.image.dims[1] as number | undefined)).dataset as Dataset;
  const loaded = await read(file), plan = await engine.compose(loaded), { dataset } = referencesOf({ plan, loaded });
  return (await of(loaded, { dataset: dataset! })).dataset as Dataset;
}

function folderGraph(engine: Engine, path: string, resolution: number): Loaded {
  if (!engine.types.has(FOLDER)) throw inputError(path, `nothing here reads a folder of images: no plugin brings ${FOLDER}`);
  return { file: path, graph: { nodes: { images: { type: FOLDER, config: { path, resolution } } } }, issues: [] };
}

/** The judge and, if scores are wanted, the classifier: one model for both where they are spelled alike. */
async function openModels(engine: Engine, { extractor: judging, classifier: scoring }: EvaluationOptions, scored: boolean, closing: (() => Promise<void> | void)[]): Promise<{ readonly extractor: Extractor; readonly classifier: Extractor | undefined }> {
  const open = async (given: object, where: string): Promise<Extractor> => {
    const { type, settings } = extractorOf(engine, given, where), opened = await type.open(engine.services, settings);
    closing.push(opened.close);
    return opened;
  };
  const one = scored && JSON.stringify(judging) === JSON.stringify(scoring);
  const extractor = await open(one ? { score: true, ...judging } : judging, '--extractor');
  return { extractor, classifier: one ? extractor : scored ? await open({ score: true, ...scoring! }, '--classifier') : undefined };
}

function chosen(engine: Engine, { metrics: wanted }: EvaluationOptions): readonly Metric[] {
  const all = engine.parts<Metric>('metric').map(({ value }) => value);
  for (const name of wanted ?? []) {
    const names = all.map((metric) => metric.name), meant = near(name, names);
    if (!names.includes(name)) throw inputError('--metrics', `there is no metric ${name}; at hand: ${list(names)}`, meant ? { try: meant } : {});
  }
  return wanted ? all.filter(({ name }) => wanted.includes(name)) : all;
}

/** Leaves out the metrics that lack something; one that was asked for by name is an InputError then. */
function without(metrics: readonly Metric[], need: NonNullable<Metric['needs']>, { metrics: asked }: EvaluationOptions): readonly Metric[] {
  const lacking = metrics.find(({ needs }) => needs === need);
  if (!lacking || !asked) return metrics.filter(({ needs }) => needs !== need);
  if (need === 'score') throw inputError('--metrics', `${lacking.name} wants a classifier`, { try: '--classifier MODEL' });
  throw inputError('--metrics', `${lacking.name} wants a run whose graph conditions its generator on instances and knows their neighbours`);
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
