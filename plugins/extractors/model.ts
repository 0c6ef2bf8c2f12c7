/** @file A model and its settings, checked against its file before anything runs. */
import { inputError, readModelFile, type Dim, type GantryError, type ImageFormat, type KnownModel, type ModelFile, type Resampler, type Services } from '../../engine/index.js';
import type { Settings } from './settings.js';

type Port = ModelFile['inputs'][number];

/** How an image in [-1,1] becomes the model's input. Plain data: the store compares it. */
export interface Preparation {
  readonly layout: 'NCHW' | 'NHWC';
  readonly channels: 'rgb' | 'bgr' | 'grey';
  /** Height and width. */
  readonly size: readonly [number, number];
  readonly range: readonly [number, number];
  /** One number for each channel, red first. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly resize: Resampler;
}

/** A model as it will be run. */
export interface Model {
  readonly name: string;
  readonly file: string;
  readonly sha256: string;
  readonly input: string;
  /** Images in one call, where the file fixes it. */
  readonly batch?: number;
  readonly preparation: Preparation;
  readonly output: string;
  /** Of that output: sizes as the file spells them. */
  readonly dims: readonly Dim[];
  readonly pool: 'mean' | 'first';
  /** F, unless the file leaves it open. */
  readonly width?: number;
  readonly score?: { readonly output: string; readonly are: 'logits' | 'probabilities'; readonly dims: readonly Dim[]; readonly classes?: number };
}

/** A model is meant by its path if it looks like one. */
export const isPath = (model: string): boolean => /\.onnx$|[/\\]/i.test(model);

const spell = ({ name, dtype, dims }: Port): string => `${name} ${dtype}[${dims?.map((dim) => (dim === '' ? '?' : dim)).join(',') ?? '…'}]`;
const all = (ports: readonly Port[]): string => ports.map(spell).join('; ') || 'none';

/** Reads the model's file and settles everything that it and the manifest leave to the settings. Throws an InputError that names the model and says what its file has. */
export async function settle(services: Services, settings: Settings): Promise<Model> {
  const name = settings.model;
  const known: KnownModel = isPath(name) ? { about: '' } : services.component<KnownModel>('model', name);
  const file = await readModelFile(services.resolve(name));
  const wrong: Wrong = (says, remedy) => inputError(`model ${name}`, says, remedy ? { try: remedy } : {});
  const [input, ...others] = file.inputs;
  if (!input || others.length) throw wrong(`it has ${file.inputs.length} inputs (${all(file.inputs)}); one is wanted, the image`);
  if (input.dtype !== 'f32') throw wrong(`its input is ${spell(input)}; wants f32`);
  if (input.dims && input.dims.length !== 4) throw wrong(`its input is ${spell(input)}; wants images, rank 4`);
  const preparation = prepared(input, settings, known.images ?? (file.ours ? { range: [-1, 1] } : {}), wrong);
  const output = featuresOf(file, settings, known, wrong), dims = output.dims!;
  const score = scoreOf(file, settings, known, wrong);
  const batch = input.dims?.[0], channelsLast = preparation.layout === 'NHWC' || dims.length === 3;
  const width = dims.length === 2 || !channelsLast ? dims[1] : dims.at(-1);
  return {
    name, file: file.path, sha256: file.sha256, input: input.name, preparation, output: output.name, dims, pool: settings.pool,
    ...(typeof batch === 'number' && { batch }), ...(typeof width === 'number' && { width }), ...(score && { score }),
  };
}

type Wrong = (says: string, remedy?: string) => GantryError;

function prepared(input: Port, settings: Settings, known: ImageFormat, wrong: Wrong): Preparation {
  const has = spell(input), dims = input.dims ?? ['', '', '', ''];
  const layout = settings.layout ?? known.layout ?? layoutOf(dims);
  if (!layout) throw wrong(`the sizes of its input ${has} do not tell where the channels are`, '"layout": "NCHW" or "NHWC"');
  const [count, height, width] = layout === 'NCHW' ? [dims[1]!, dims[2]!, dims[3]!] : [dims[3]!, dims[1]!, dims[2]!];
  const colours = settings.channels ?? known.channels, wanted = colours ? (colours === 'grey' ? 1 : 3) : undefined;
  if (typeof count === 'number' && count !== (wanted ?? (count === 1 ? 1 : 3))) {
    throw wrong(`its input is ${has}: ${count} channels in ${layout}; ${colours ? `channels "${colours}" are ${wanted}` : '1 or 3 are wanted'}`);
  }
  const channels = colours ?? (count === 1 ? 'grey' : 'rgb'), number = channels === 'grey' ? 1 : 3;
  const side = (fixed: Dim, what: string): number => {
    if (typeof fixed === 'number' && settings.size !== undefined && settings.size !== fixed) throw wrong(`size is ${settings.size}; its input is ${has}, of ${what} ${fixed}`, `"size": ${fixed}, or none`);
    const size = typeof fixed === 'number' ? fixed : settings.size;
    if (size === undefined) throw wrong(`its input is ${has}, of any ${what}; the size to give it is not said`, '"size": 224');
    return size;
  };
  const each = (what: 'mean' | 'std', otherwise: number): readonly number[] => {
    const values = settings[what] ?? known[what] ?? [otherwise];
    if (values.length !== 1 && values.length !== number) throw wrong(`${what} has ${values.length} numbers; its input is ${has}, so ${number === 1 ? '1 is' : '1 or 3 are'} wanted`);
    return values.length === number ? values : Array<number>(number).fill(values[0]!);
  };
  const range = settings.range ?? known.range ?? [0, 1];
  if (range[0] === range[1]) throw wrong(`range is [${range}]: black and white are the same`);
  return {
    layout, channels, size: [side(height, 'height'), side(width, 'width')], range, mean: each('mean', 0), std: each('std', 1),
    resize: settings.resize ?? known.resize ?? 'bilinear',
  };
}

function layoutOf(dims: readonly Dim[]): 'NCHW' | 'NHWC' | undefined {
  const [first, last] = [dims[1], dims[3]].map((dim) => dim === 1 || dim === 3);
  if (first === last) return undefined;
  return first ? 'NCHW' : 'NHWC';
}

function found(file: ModelFile, name: string, what: string, wrong: Wrong): Port {
  const port = file.outputs.find((output) => output.name === name);
  if (!port) throw wrong(`it has no output "${name}"; its outputs are ${all(file.outputs)}`, `"${what}" in the settings`);
  if (port.dtype !== 'f32') throw wrong(`its output ${spell(port)} is no f32`);
  return port;
}

function featuresOf(file: ModelFile, { output }: Settings, { features }: KnownModel, wrong: Wrong): Port {
  const fits = ({ dtype, dims }: Port) => dtype === 'f32' && dims !== undefined && dims.length >= 2 && dims.length <= 4;
  const name = output ?? features;
  if (name !== undefined) {
    const port = found(file, name, 'output', wrong);
    if (!fits(port)) throw wrong(`its output is ${spell(port)}; features are wanted, of rank 2, 3 or 4`);
    return port;
  }
  const candidates = file.outputs.filter(fits);
  if (candidates.length === 1) return candidates[0]!;
  throw wrong(`which output has the features is not said; its outputs are ${all(file.outputs)}`, candidates.length ? `"output": "${candidates.at(-1)!.name}"` : undefined);
}

function scoreOf(file: ModelFile, { score, scores }: Settings, known: KnownModel, wrong: Wrong): Model['score'] {
  if (!score) return undefined;
  if (score === true && !known.scores) throw wrong(`which output has class scores is not said; its outputs are ${all(file.outputs)}`, '"score": "logits", "scores": "logits"');
  const output = score === true ? known.scores!.output : score;
  const are = scores ?? (known.scores?.output === output ? known.scores.are : undefined);
  if (!are) throw wrong(`whether its output "${output}" holds logits or probabilities is not said`, '"scores": "logits" or "probabilities"');
  const port = found(file, output, 'score', wrong);
  if (port.dims?.length !== 2) throw wrong(`its output is ${spell(port)}; class scores are wanted, of rank 2`);
  const classes = port.dims[1]!;
  return { output, are, dims: port.dims, ...(typeof classes === 'number' && { classes }) };
}
