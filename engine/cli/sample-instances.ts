/** @file `gantry sample RUN --instances …`: contact sheets of instances and what the generator makes of them, paths between two, and the training images nearest to samples. */
import { join } from 'node:path';
import { writeAtomically } from '../journal/atomic.js';
import { createConsole } from '../journal/console.js';
import { countOf, type Instances, type InstanceWish, type SampleOptions } from '../registry/draw-samples.js';
import { openRun, type OpenRun } from '../registry/open-run.js';
import { inputError } from '../spec/issue.js';
import { int64, tensor, type TensorValue } from '../spec/value.js';
import { rows as rowsOf } from '../training/networks.js';
import { deviceOf, emit, say, type DeviceOptions, type SharedOptions } from './command.js';
import { labelsOf } from './labels.js';
import { createSheet, writeImage, type Sheet } from './sheet.js';

export interface InstanceOptions extends SharedOptions, DeviceOptions {
  readonly instances: string;
  readonly classes?: string;
  readonly count?: number;
  readonly seeds?: readonly number[];
  readonly truncation?: number;
  readonly candidates?: number;
  readonly interpolate?: boolean;
  readonly nearest?: number;
}

/** Steps of a path. */
const STEPS = 8;

export async function sampleInstances(path: string, folder: string, options: InstanceOptions): Promise<void> {
  const run = await openRun(path, { ...deviceOf(options), console: createConsole({ json: options.json }), plugins: options.plugin.map((name) => ({ name, from: process.cwd() })) });
  try {
    const { seeds = [0], truncation, candidates, count = 4 } = options;
    const classes = options.classes === undefined ? undefined : labelsOf(options.classes, run.networks.condition.labels);
    const instances = await run.instances(wishOf(options.instances), seeds[0]);
    const common = { seeds, ...(classes && { classes }), ...(truncation !== undefined && { truncation }) };
    const files = options.interpolate ? await paths(run, folder, { ...common, instances }) : await sheets(run, folder, { ...common, count, ...(candidates && { candidates }) }, instances, options.nearest);
    if (options.json) emit({ type: 'sampled', out: folder, files });
    else say(`see ${files[0]}`, false);
  } finally {
    await run.close();
  }
}

/**
 * Instances in the first column, their samples after them; every instance under every class. With one sample each, classes stand across: down a column only
 * the instance changes, along a row only the class. Then, in a sheet of their own, samples and the training images nearest to each.
 */
async function sheets(run: OpenRun, folder: string, options: SampleOptions, found: Instances, nearest: number | undefined): Promise<string[]> {
  const classes = options.classes?.length ?? 1, instances = classes > 1 ? repeated(found, classes) : found, size = run.networks.image;
  const total = countOf(instances.names.length, options), grid = classes > 1 && total === instances.names.length;
  const down = grid ? found.names.length : instances.names.length, across = total / down;
  const contact = createSheet(folder, 'contact-sheet', 'instances and samples', { size, rows: down, columns: 1 + across, apart: 1 });
  const files: string[] = [], about: object[] = [];
  let near: Sheet | undefined;
  for await (const samples of run.stream({ ...options, instances })) {
    const from = about.length, close = nearest ? await run.nearest(samples.images, nearest) : undefined;
    if (close) near ??= createSheet(folder, 'nearest', `samples and the ${close.k} training images nearest to each`, { size, rows: total, columns: 1 + close.k, apart: 1 });
    for (const [i, origin] of samples.of.entries()) {
      const row = Math.floor((from + i) / across), column = (from + i) % across, file = nameOf(from + i, total);
      if (column === 0) contact.put(row, 0, instances.image, origin.instance!);
      contact.put(row, 1 + column, samples.images, i);
      if (close && near!.shows(from + i)) {
        near!.put(from + i, 0, samples.images, i);
        for (let n = 0; n < close.k; n++) near!.put(from + i, 1 + n, close.images, i * close.k + n);
      }
      await writeImage(join(folder, file), `sample ${from + i}`, samples.images, i);
      files.push(join(folder, file));
      about.push({
        file, ...origin, instance: instances.names[origin.instance!]!, ...(samples.label && { class: Number(samples.label.data[i]) }),
        ...(close && { nearest: close.names[i]!.map((name, n) => ({ name, cosine: close.cosine[i * close.k + n]! })) }),
      });
    }
  }
  const shown = [await contact.write(), ...(near ? [await near.write()] : [])];
  return [...shown, ...files, await writeTable(folder, about)];
}

/** The file of one sample of so many. */
const nameOf = (sample: number, total: number): string => `sample-${String(sample).padStart(String(total - 1).length, '0')}.png`;

/** Says what each sample is: written last, when the samples are there. */
async function writeTable(folder: string, about: readonly object[]): Promise<string> {
  const table = join(folder, 'samples.json');
  await writeAtomically(table, `${JSON.stringify(about, null, 2)}\n`);
  return table;
}

/** From one instance to another down, from one noise to another across; linear in both, vectors of length 1 kept so. */
async function paths(run: OpenRun, folder: string, options: SampleOptions & { readonly instances: Instances; readonly seeds: readonly number[] }): Promise<string[]> {
  const { instances, seeds } = options, [from, to] = instances.names;
  if (instances.names.length !== 2) throw inputError('--interpolate', `it wants two instances; there are ${instances.names.length}`);
  if (seeds.length !== 2) throw inputError('--interpolate', `it wants two seeds; there are ${seeds.length}`, { try: '--seeds 1,2' });
  if ((options.classes?.length ?? 0) > 2) throw inputError('--classes', `a path has two ends, for one class or two; there are ${options.classes!.length}`);
  // Samples come instance by instance, seed by seed: rows 0 and 2 are the instances under the first seed, rows 0 and 1 the seeds.
  const { z, vector, label } = await run.sample(options), length = (v: Float32Array) => Math.sqrt(v.reduce((sum, x) => sum + x * x, 0));
  const ends = [0, 2].map((row) => rowsOf(vector!, row, row + 1).data as Float32Array), unit = ends.every((end) => Math.abs(length(end) - 1) < 1e-3);
  const along = (a: Float32Array, b: Float32Array) => Array.from({ length: STEPS }, (_, step) => a.map((v, i) => v + (b[i]! - v) * step / (STEPS - 1)));
  const vectors = along(ends[0]!, ends[1]!).map((v) => { const by = unit ? length(v) : 1; return v.map((x) => x / by); });
  const noises = along(rowsOf(z, 0, 1).data as Float32Array, rowsOf(z, 1, 2).data as Float32Array);
  const filled = (at: (row: number, column: number) => Float32Array): TensorValue => {
    const width = at(0, 0).length, out = new Float32Array(STEPS * STEPS * width);
    for (let i = 0; i < STEPS * STEPS; i++) out.set(at(Math.floor(i / STEPS), i % STEPS), i * width);
    return tensor('f32', [STEPS * STEPS, width], out);
  };
  // A class is no number to be in between: the nearer instance's.
  const labels = label && int64(Array.from({ length: STEPS * STEPS }, (_, i) => Number(label.data[Math.floor(i / STEPS) < STEPS / 2 ? 0 : 2])));
  const images = await run.generate(filled((_, column) => noises[column]!), { vector: filled((row) => vectors[row]!), label: labels });
  const size = run.networks.image, sheet = createSheet(folder, 'interpolation', `from ${from} down to ${to}, from seed ${seeds[0]} across to seed ${seeds[1]}`, { size, rows: STEPS, columns: 1 + STEPS, apart: 1 });
  const parts = (step: number) => [1 - step / (STEPS - 1), step / (STEPS - 1)] as const, files: string[] = [], about: object[] = [];
  for (let i = 0; i < STEPS * STEPS; i++) {
    const row = Math.floor(i / STEPS), column = i % STEPS, file = nameOf(i, STEPS * STEPS), down = parts(row), across = parts(column);
    sheet.put(row, 1 + column, images, i);
    await writeImage(join(folder, file), `sample ${i}`, images, i);
    files.push(join(folder, file));
    about.push({
      file, row, column, instances: [from, to].map((instance, end) => ({ instance, weight: down[end] })), seeds: seeds.map((seed, end) => ({ seed, weight: across[end] })),
      ...(labels && { class: Number(labels.data[i]) }),
    });
  }
  sheet.put(0, 0, instances.image, 0);
  sheet.put(STEPS - 1, 0, instances.image, 1);
  return [await sheet.write(), ...files, await writeTable(folder, about)];
}

/** Every instance so many times, one after the other. */
function repeated({ image, vector, labels, names }: Instances, times: number): Instances {
  const again = (value: TensorValue): TensorValue => {
    const width = value.data.length / value.dims[0]!, out = new Float32Array(times * value.data.length);
    for (let i = 0; i < times * value.dims[0]!; i++) out.set(rowsOf(value, Math.floor(i / times), Math.floor(i / times) + 1).data as Float32Array, i * width);
    return tensor('f32', [times * value.dims[0]!, ...value.dims.slice(1)], out);
  };
  return {
    image: again(image), vector: again(vector), names: names.flatMap((name) => Array<string>(times).fill(name)),
    ...(labels && { labels: Int32Array.from({ length: times * labels.length }, (_, i) => labels[Math.floor(i / times)]!) }),
  };
}

/** `3,17` are indices, `random:8` so many drawn, `all` the run's data set, anything else a folder. */
function wishOf(text: string): InstanceWish {
  const random = /^random:(\d+)$/.exec(text);
  if (random) return { random: Number(random[1]) };
  return /^\d+(,\d+)*$/.test(text) ? text.split(',').map(Number) : text;
}
