/** @file `gantry sample RUN --instances …`: contact sheets of instances and what the generator makes of them, paths between two, and the training images nearest to samples. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createConsole } from '../journal/console.js';
import { encodeGrid } from '../journal/picture.js';
import { openRun, type Instances, type InstanceWish, type OpenRun, type Samples } from '../registry/open-run.js';
import { inputError } from '../spec/issue.js';
import { elements, int64, tensor, type TensorValue } from '../spec/value.js';
import { deviceOf, emit, say, type DeviceOptions, type SharedOptions } from './command.js';

export interface InstanceOptions extends SharedOptions, DeviceOptions {
  readonly instances: string;
  readonly classes?: string;
  readonly count?: number;
  readonly seeds: readonly number[];
  readonly truncation?: number;
  readonly candidates?: number;
  readonly interpolate?: boolean;
  readonly nearest?: number;
}

/** Samples of an instance, steps of a path: what fits next to each other. */
const ACROSS = 8;

export async function sampleInstances(path: string, folder: string, options: InstanceOptions): Promise<void> {
  const run = await openRun(path, { ...deviceOf(options), console: createConsole({ json: options.json }), plugins: options.plugin.map((name) => ({ name, from: process.cwd() })) });
  try {
    const classes = options.classes === undefined ? undefined : labelsOf(options.classes, run);
    const found = await run.instances(wishOf(options.instances), options.seeds[0]);
    const files = options.interpolate ? await paths(run, found, folder, { ...options, chosen: classes }) : await sheets(run, found, folder, { ...options, chosen: classes });
    if (options.json) emit({ type: 'sampled', out: folder, files });
    else say(`see ${files[0]}`, false);
  } finally {
    await run.close();
  }
}

type Chosen = InstanceOptions & { readonly chosen: readonly number[] | undefined };

/** Instances in the first column, their samples after them; below every sample its nearest training images, where they were asked for. */
async function sheets(run: OpenRun, found: Instances, folder: string, { chosen, count = 4, seeds, truncation, candidates, nearest }: Chosen): Promise<string[]> {
  // One instance under several classes: a row for each.
  const instances = found.names.length === 1 && chosen && chosen.length > 1 ? repeated(found, chosen.length) : found, rows = instances.names.length;
  const samples = await run.sample({ instances, count, seeds, ...(chosen && { classes: chosen }), ...(truncation !== undefined && { truncation }), ...(candidates && { candidates }) });
  const across = samples.of.length / rows, files = [await sheet(folder, 'contact-sheet', 'instances and samples', rows, [{ images: instances.image, columns: 1 }, { images: samples.images, columns: across }])];
  const near = nearest ? await run.nearest(samples.images, nearest) : undefined;
  if (near) files.push(await sheet(folder, 'nearest', `samples and the ${near.k} training images nearest to each`, samples.of.length, [{ images: samples.images, columns: 1 }, { images: near.images, columns: near.k }]));
  const about = samples.of.map((one, i) => ({
    file: `sample-${String(i).padStart(String(samples.of.length - 1).length, '0')}.png`, ...one, instance: instances.names[one.instance!]!, ...(samples.label && { class: Number(samples.label.data[i]) }),
    ...(near && { nearest: near.names[i]!.map((name, n) => ({ name, cosine: near.cosine[i * near.k + n]! })) }),
  }));
  files.push(...await singles(folder, samples, about.map(({ file }) => file)), await table(folder, about));
  return files;
}

/** From one instance to another down, from one noise to another across; linear in both, vectors of length 1 kept so. */
async function paths(run: OpenRun, found: Instances, folder: string, { chosen, seeds, truncation }: Chosen): Promise<string[]> {
  if (found.names.length !== 2) throw inputError('--interpolate', `it wants two instances; there are ${found.names.length}`);
  if (seeds.length !== 2) throw inputError('--interpolate', `it wants two seeds; there are ${seeds.length}`, { try: '--seeds 1,2' });
  const { z, vector } = await run.sample({ instances: found, seeds, ...(chosen && { classes: chosen }), ...(truncation !== undefined && { truncation }) });
  const total = ACROSS * ACROSS, between = (rows: TensorValue, from: number, to: number, t: number) => {
    const width = rows.dims[1]!, data = rows.data as Float32Array;
    return Float32Array.from({ length: width }, (_, i) => (1 - t) * data[from * width + i]! + t * data[to * width + i]!);
  };
  const filled = (width: number, at: (row: number, column: number) => Float32Array) => {
    const out = new Float32Array(total * width);
    for (let i = 0; i < total; i++) out.set(at(Math.floor(i / ACROSS), i % ACROSS), i * width);
    return tensor('f32', [total, width], out);
  };
  const share = (step: number) => step / (ACROSS - 1), length = (v: Float32Array) => Math.hypot(...v);
  // Samples come instance by instance, seed by seed: rows 0 and 2 are the instances under the first seed, rows 0 and 1 the seeds.
  const vectors = filled(vector!.dims[1]!, (row) => {
    const middle = between(vector!, 0, 2, share(row)), ends = [between(vector!, 0, 0, 0), between(vector!, 2, 2, 0)].map(length);
    return ends.every((end) => Math.abs(end - 1) < 1e-3) ? middle.map((v) => v / length(middle)) : middle;
  });
  const labels = run.networks.condition.labels ? int64(Array.from({ length: total }, (_, i) => (chosen ? chosen[0]! : found.labels[share(Math.floor(i / ACROSS)) < 0.5 ? 0 : 1]!))) : undefined;
  const images = await run.generate(filled(z.dims[1]!, (_, column) => between(z, 0, 1, share(column))), { vector: vectors, label: labels });
  const ends = await sheet(folder, 'ends', 'the two instances', 1, [{ images: found.image, columns: 2 }]);
  return [await sheet(folder, 'interpolation', `from ${found.names[0]} down to ${found.names[1]}, from seed ${seeds[0]} across to seed ${seeds[1]}`, ACROSS, [{ images, columns: ACROSS }]), ends];
}

const repeated = ({ image, vector, labels, names }: Instances, times: number): Instances => {
  const again = (value: TensorValue): TensorValue => {
    const out = new Float32Array(times * value.data.length);
    for (let i = 0; i < times; i++) out.set(value.data as Float32Array, i * value.data.length);
    return tensor('f32', [times, ...value.dims.slice(1)], out);
  };
  return { image: again(image), vector: again(vector), labels: Int32Array.from({ length: times }, () => labels[0]!), names: Array<string>(times).fill(names[0]!) };
};

/** A grid whose rows take so many images of each part in turn. */
async function sheet(folder: string, name: string, title: string, rows: number, parts: readonly { readonly images: TensorValue; readonly columns: number }[]): Promise<string> {
  const size = parts[0]!.images.dims.slice(1), each = elements(size), across = parts.reduce((n, { columns }) => n + columns, 0), out = new Float32Array(rows * across * each);
  let left = 0;
  for (const { images, columns } of parts) {
    for (let row = 0; row < rows; row++) out.set((images.data as Float32Array).subarray(row * columns * each, (row + 1) * columns * each), (row * across + left) * each);
    left += columns;
  }
  const file = join(folder, `${name}.png`);
  await writeFile(file, await encodeGrid({ kind: 'images', title, columns: across, images: tensor('f32', [rows * across, ...size], out) }));
  return file;
}

async function singles(folder: string, { images }: Samples, names: readonly string[]): Promise<string[]> {
  const size = images.dims.slice(1), each = elements(size), files = names.map((name) => join(folder, name));
  for (const [i, file] of files.entries()) {
    await writeFile(file, await encodeGrid({ kind: 'images', title: names[i]!, images: tensor('f32', [1, ...size], (images.data as Float32Array).slice(i * each, (i + 1) * each)) }, 0));
  }
  return files;
}

async function table(folder: string, about: readonly object[]): Promise<string> {
  const file = join(folder, 'samples.json');
  await writeFile(file, `${JSON.stringify(about, null, 2)}\n`);
  return file;
}

/** `3,17` are indices, `random:8` so many drawn, anything else a folder. */
function wishOf(text: string): InstanceWish {
  const random = /^random:(\d+)$/.exec(text);
  if (random) return { random: Math.max(1, Number(random[1])) };
  return /^\d+(,\d+)*$/.test(text) ? text.split(',').map(Number) : text;
}

function labelsOf(text: string, { networks: { condition: { labels } } }: OpenRun): readonly number[] {
  if (!labels) throw inputError('--classes', 'this generator has no classes');
  return text === 'all' ? Array.from({ length: labels }, (_, i) => i) : text.split(',').map(Number);
}
