/** @file An open extractor: preparation, model and collection, batch by batch, everything between them in the session host. */
import { createHash } from 'node:crypto';
import {
  exists, inputError, isResident, rows, rowsAt, tensor, type Executable, type Extractor, type Services, type Tensorial, type TensorValue,
} from '../../engine/index.js';
import { isPath, settle, type Model } from './model.js';
import { collection, preparation } from './programs.js';
import type { Settings } from './settings.js';

/** What a vector depends on besides the image and its normalisation. */
export const essenceOf = ({ sha256, output, pool, preparation: how }: Model): object => ({ sha256, output, pool, preparation: how });
export const hashOf = (value: unknown): string => createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 32);

/** Divides every row of `width` numbers by its L2 norm, in place; rows of zeros stay. */
export function normaliseRows(values: Float32Array, width: number): void {
  for (let from = 0; from < values.length; from += width) {
    let squares = 0;
    for (let i = from; i < from + width; i++) squares += values[i]! * values[i]!;
    const scale = squares > 0 ? 1 / Math.sqrt(squares) : 1;
    for (let i = from; i < from + width; i++) values[i]! *= scale;
  }
}

/** Opens the model that the settings mean. Throws an InputError where its file is not what they say. */
export async function openExtractor(services: Services, settings: Settings): Promise<Extractor> {
  const model = await settle(services, settings), { host } = services;
  const collect = await host.compile(collection(model));
  const run = await host.open(model.file).catch(async (error: unknown) => { await collect.release(); throw error; });
  const prepared = new Map<string, Executable>();
  const batch = model.batch ?? settings.batch;

  async function prepare(image: TensorValue, mirrored: boolean): Promise<Executable> {
    const [, channels, height, width] = image.dims as readonly [number, number, number, number];
    const wanted = model.preparation.channels === 'grey' ? 1 : 3;
    if (channels !== wanted && channels !== 1) throw inputError(`model ${model.name}`, `it takes ${wanted === 1 ? 'grey images' : 'images of 3 channels, or of 1, which is repeated'}; these are f32[${image.dims}]`);
    const key = `${channels} ${height} ${width} ${mirrored}`;
    const program = prepared.get(key) ?? await host.compile(preparation(channels, [height, width], mirrored, model.preparation));
    prepared.set(key, program);
    return program;
  }

  /** One call: what stays in the host on the way is given up. */
  async function through(image: TensorValue, program: Executable): Promise<Readonly<Record<string, Tensorial>>> {
    const kept: Tensorial[] = [];
    const stay = (values: Readonly<Record<string, Tensorial>>) => { kept.push(...Object.values(values)); return values; };
    try {
      const { prepared: input } = stay((await program.run({}, { image }, { keep: ['prepared'] })).outputs);
      const made = stay((await run.run({}, { [model.input]: input! }, { keep: Object.keys(run.signature.outputs) })).outputs);
      return (await collect.run({}, { output: made[model.output]!, ...(model.score && { scores: made[model.score.output]! }) })).outputs;
    } finally {
      host.release(kept.filter(isResident));
    }
  }

  const extractor: Extractor = {
    key: hashOf({ ...essenceOf(model), normalised: settings.normalise }),
    name: model.name,
    width: model.width!,
    ...(model.score && { classes: model.score.classes! }),
    async extract(image, { mirrored = false, signal, called = (i: number) => `image ${i}` } = {}) {
      const count = image.dims[0]!, program = await prepare(image, mirrored);
      const whole: Record<string, Float32Array> = {}, widths: Record<string, number | undefined> = { feature: model.width, score: model.score?.classes };
      for (let from = 0; from < count; from += batch) {
        signal?.throwIfAborted();
        const to = Math.min(count, from + batch);
        const outputs = await through(filled(rows(image, from, to), model.batch), program);
        for (const [name, value] of Object.entries(outputs)) {
          const { dims, data } = value as TensorValue, width = dims[1]!;
          const taken = (data as Float32Array).subarray(0, (to - from) * width), bad = taken.findIndex((v) => !Number.isFinite(v));
          if (bad >= 0) throw inputError(`model ${model.name}`, `its ${name} of ${called(from + Math.floor(bad / width))} has ${taken[bad]}; finite numbers are wanted`);
          whole[name] ??= new Float32Array(count * width);
          whole[name].set(taken, from * width);
          widths[name] = width;
        }
      }
      const { feature = new Float32Array(0), score = new Float32Array(0) } = whole;
      if (settings.normalise) normaliseRows(feature, widths.feature!);
      return { feature: tensor('f32', [count, widths.feature!], feature), ...(model.score && { score: tensor('f32', [count, widths.score!], score) }) };
    },
    async close() {
      for (const each of [run, collect, ...prepared.values()]) await each.release();
    },
  };
  if (model.width !== undefined && (!model.score || model.score.classes !== undefined)) return extractor;
  // The file leaves a size open: one image shows it.
  const [height, width] = model.preparation.size;
  const { feature, score } = await extractor.extract(tensor('f32', [1, 1, height, width], new Float32Array(height * width)));
  return { ...extractor, width: feature.dims[1]!, ...(score && { classes: score.dims[1]! }) };
}

/** A batch of as many rows as a file wants: the last one is repeated. */
function filled(image: TensorValue, count: number | undefined): TensorValue {
  const has = image.dims[0]!;
  if (count === undefined || count === has) return image;
  return rowsAt(image, Int32Array.from({ length: count }, (_, i) => Math.min(i, has - 1)));
}

/** F, and K where scores are asked for: from the file, or from running it once where it leaves them open. Checks the settings. */
export async function sizesOf(services: Services, settings: Settings): Promise<Readonly<Record<string, number>>> {
  const stated = settings.width;
  if (stated !== undefined && isPath(settings.model) && !(await exists(services.resolve(settings.model)))) return { F: stated };
  const { width, score, preparation: { channels } } = await settle(services, settings);
  if (stated !== undefined && width !== undefined && width !== stated) throw inputError(`model ${settings.model}`, `its output has ${width} numbers; "width" says ${stated}`);
  const grey: Readonly<Record<string, number>> = channels === 'grey' ? { C: 1 } : {};
  if (width !== undefined && (!score || score.classes !== undefined)) return { F: width, ...(score && { K: score.classes! }), ...grey };
  const extractor = await openExtractor(services, settings);
  try {
    return { F: extractor.width, ...(extractor.classes !== undefined && { K: extractor.classes }), ...grey };
  } finally {
    await extractor.close();
  }
}
