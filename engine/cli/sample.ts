/** @file `gantry sample RUN`: new images from a run's generator, through its ONNX file alone. */
import { readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { InvalidArgumentError, type Command } from 'commander';
import { makeWritableFolder } from '../journal/atomic.js';
import { drawLabels } from '../registry/draw-labels.js';
import type { GeneratorFile } from '../registry/generator-file.js';
import type { Random } from '../session/keyed-random.js';
import { inputError } from '../spec/issue.js';
import { elements, tensor, type TensorValue } from '../spec/value.js';
import { command, device, emit, say, whole } from './command.js';
import { labelsOf } from './labels.js';
import type { InstanceOptions } from './sample-instances.js';

interface Options extends Omit<InstanceOptions, 'instances' | 'count'> {
  readonly instances?: string;
  readonly count?: number;
  readonly out?: string;
  readonly vectors?: string;
  readonly seed?: number;
}

/** Images a call of the generator: large enough to keep cores busy, small enough for any memory. */
const BATCH = 64;

export const sampleCommand = (): Command =>
  device(command('sample <run>', "Draw images (or points) from a run's generator, with one contact sheet.", [
    ['gantry sample runs/grid', '64 samples into runs/grid/samples'],
    ['gantry sample runs/digits --count 16 --classes 7', 'sixteen of cluster 7'],
    ['gantry sample generator.onnx --out here --seed 3', 'from the file alone'],
    ['gantry sample runs/flowers --instances random:8 --seeds 1,2', 'eight training images and what it makes of them'],
    ['gantry sample runs/flowers --instances photos --candidates 10', 'of photos it never saw, the best of ten by their features'],
    ['gantry sample runs/flowers --instances 17 --classes all', 'one instance under every class: the class swapped'],
    ['gantry sample runs/flowers --instances 3,17,42 --classes 2', 'several under one class: the instance swapped'],
    ['gantry sample runs/flowers --instances 3,17,42 --classes all --count 1', 'both: instances down, classes across, one noise'],
    ['gantry sample runs/flowers --instances 3,17 --seeds 1,2 --interpolate', 'a grid between two instances and two noises'],
    ['gantry sample runs/flowers --instances random:4 --nearest 5', 'beside every sample the training images nearest to it'],
  ]))
    .option('--count <n>', 'how many (64), or how many of each instance and seed (4)', whole(1))
    .option('--out <dir>', 'folder to write to (RUN/samples)')
    .option('--classes <labels>', 'labels such as 7 or 0,1,2 or all, dealt out in turn (random; clusters in their shares); with --instances: each of them for every instance (its own)')
    .option('--truncation <t>', 'noise is t times a normal cut off at 2 either way', positive)
    .option('--vectors <file>', 'a .json file of vectors to condition on, dealt out in turn')
    .option('--seed <n>', 'seed of latents and random labels (0)', whole(0))
    .option('--instances <which>', 'training images by index (3,17), random:N or all; or a folder of photos, read and extracted as in the run')
    .option('--seeds <list>', 'with --instances: samples of each seed, the same noise for all instances (0)', seedsOf)
    .option('--candidates <n>', 'with --instances: make n times as many, keep those nearest to the instance in features', whole(1))
    .option('--interpolate', 'with two --instances and two --seeds: a grid between them, linear in vectors and noise')
    .option('--nearest <k>', 'with --instances: the k training images nearest to each sample in features', whole(1))
    .action(async (run: string, options: Options) => {
      belong(options);
      const { model, folder } = await locate(run, options.out);
      await makeWritableFolder(folder);
      if (options.instances !== undefined) {
        const { sampleInstances } = await import('./sample-instances.js');
        return sampleInstances(run, folder, options as InstanceOptions);
      }
      const count = options.count ?? 64, [{ lazyHost }, { openGenerator }, { keyedRandom }, { rows }, { noise }] = await Promise.all([
        import('../registry/lazy-host.js'), import('../registry/generator-file.js'), import('../session/keyed-random.js'), import('../training/networks.js'), import('../registry/draw-samples.js'),
      ]);
      const host = lazyHost(options.device ?? 'cpu', options.threads, (message) => say(message, true));
      try {
        const generator = await openGenerator(host, model), { networks } = generator;
        const random = (name: string) => keyedRandom(options.seed ?? 0, 'sample', 0, name);
        const z = tensor('f32', [count, networks.latent], noise(random('z'), count * networks.latent, options.truncation));
        const condition = await conditionOf(generator, { ...options, count }, random('condition'));
        const images = await inBatches(count, (from, to) => generator.images(rows(z, from, to), Object.fromEntries(Object.entries(condition).map(([name, value]) => [name, rows(value, from, to)]))));
        const { writeSamples } = await import('./samples.js');
        const files = await writeSamples(folder, images, condition.label);
        if (options.json) emit({ type: 'sampled', count, out: folder, files });
        else say(`${count} samples in ${folder}: see ${files[0]}`, false);
      } finally {
        await host.close();
      }
    });

const seedsOf = (text: string): readonly number[] => text.split(',').map(whole(0));
const positive = (text: string): number => {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError('It wants a number above 0.');
  return value;
};

/** Refuses options that would go unheard: a sample must be what was asked for. */
function belong(options: Options): void {
  const refuse = (names: readonly (keyof Options)[], says: string, more: { readonly try?: string } = {}) => {
    const name = names.find((one) => options[one] !== undefined);
    if (name) throw inputError(`--${name}`, says, more);
  };
  if (options.instances === undefined) {
    refuse(['seeds'], 'it goes with --instances', { try: '--seed' });
    refuse(['candidates', 'interpolate', 'nearest'], 'it goes with --instances', { try: '--instances random:8' });
  } else {
    refuse(['seed'], 'it does not go with --instances', { try: '--seeds' });
    refuse(['vectors'], 'it does not go with --instances, whose vectors are their features');
  }
  if (options.interpolate) refuse(['count', 'candidates', 'nearest'], 'it does not go with --interpolate, which makes one grid');
}

/** The generator's file, and where samples go. */
async function locate(run: string, out: string | undefined): Promise<{ readonly model: string; readonly folder: string }> {
  const isFile = await stat(run).then((entry) => entry.isFile(), () => { throw inputError(run, 'there is no such run directory or generator file'); });
  const model = isFile ? run : join(run, 'generator.onnx');
  await stat(model).catch(() => { throw inputError(run, 'it holds no generator.onnx; a run writes it at its end', { try: `gantry run --resume ${run}` }); });
  return { model: resolve(model), folder: resolve(out ?? (isFile ? 'samples' : join(run, 'samples'))) };
}

/** The condition of every image, as far as the generator has one: `label` i64[N], `vector` f32[N,E]. */
async function conditionOf({ shares, networks: { condition: { labels, width } } }: GeneratorFile, { count, classes, vectors }: Options & { readonly count: number }, random: Random): Promise<Readonly<Record<string, TensorValue>>> {
  if (!labels && classes !== undefined) throw inputError('--classes', 'this generator has no classes');
  if (!width && vectors !== undefined) throw inputError('--vectors', 'this generator takes no vectors');
  const given: Record<string, TensorValue> = {};
  if (labels) {
    const chosen = classes === undefined ? drawLabels(random, count, labels, shares) : labelsOf(classes, labels);
    given.label = tensor('i64', [count], BigInt64Array.from({ length: count }, (_, i) => BigInt(chosen[i % chosen.length]!)));
  }
  if (width) {
    if (vectors === undefined) throw inputError('--vectors', `this generator is conditioned on vectors of ${width} numbers; it wants instances, or a .json file of such vectors`, { try: '--instances random:8' });
    const all = await vectorsIn(vectors);
    if (!Array.isArray(all) || !all.length || all.some((v) => v?.length !== width || !v.every(Number.isFinite))) throw inputError('--vectors', `${vectors} wants an array of vectors of ${width} numbers`);
    given.vector = tensor('f32', [count, width], Float32Array.from({ length: count * width }, (_, i) => all[Math.floor(i / width) % all.length]![i % width]!));
  }
  return given;
}

async function vectorsIn(file: string): Promise<readonly (readonly number[])[]> {
  const text = await readFile(file, 'utf8').catch(() => { throw inputError('--vectors', `${file} can't be read`); });
  try {
    return JSON.parse(text) as number[][];
  } catch (error) {
    throw inputError('--vectors', `${file} is not JSON: ${(error as Error).message}`);
  }
}

async function inBatches(count: number, make: (from: number, to: number) => Promise<TensorValue>): Promise<TensorValue> {
  const made: TensorValue[] = [];
  for (let from = 0; from < count; from += BATCH) made.push(await make(from, Math.min(count, from + BATCH)));
  const [first] = made, dims = [count, ...first!.dims.slice(1)];
  const all = new Float32Array(elements(dims));
  let offset = 0;
  for (const { data } of made) { all.set(data as Float32Array, offset); offset += data.length; }
  return tensor('f32', dims, all);
}
