/** @file Extractors: what a model is given, what is refused before anything runs, and what comes out. */
import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { SessionHost } from '../../engine/session/host.js';
import { keyedRandom } from '../../engine/session/keyed-random.js';
import { createWorkerHost } from '../../engine/session/worker-host.js';
import type { GantryError } from '../../engine/spec/issue.js';
import { tensor, type TensorValue } from '../../engine/spec/value.js';
import * as ops from '../../engine/tensor/ops/index.js';
import { images } from '../../plugins/extractors/images.js';
import { features as featuresNode, onnx } from '../../plugins/extractors/onnx.js';
import { openExtractor, sizesOf } from '../../plugins/extractors/open.js';
import { AllSettings } from '../../plugins/extractors/settings.js';
import { heard, mixing, modelFile, smallDataset, temporary } from './extraction.js';
import { numbers } from './rig.js';

const seed = 5;
let folder: string, host: SessionHost;
beforeAll(async () => {
  folder = await temporary();
  host = await createWorkerHost({ threads: 1 });
});
afterAll(async () => {
  await host.close();
  await rm(folder, { recursive: true });
});

const noise = (...dims: number[]): TensorValue => tensor('f32', dims, keyedRandom(seed, 'test', 0, `${dims}`).uniform(dims.reduce((a, b) => a * b)).map((u) => 2 * u - 1));
const settings = (given: object) => AllSettings.parse(given);

/** What a model that passes its input on was given for these images. */
async function given(image: TensorValue, dims: readonly (number | string)[], more: object = {}, options: { readonly mirrored?: boolean } = {}): Promise<number[]> {
  const model = await modelFile(folder, `seen ${dims.join(' ')}`, dims, (x) => ({ seen: ops.reshape(x, [dims[0]!, -1]) }));
  const extractor = await openExtractor(heard(host, folder).services, settings({ model, ...more }));
  const { feature } = await extractor.extract(image, options);
  await extractor.close();
  return numbers(feature);
}
const close = (ours: readonly number[], wanted: readonly number[]) => {
  expect(ours.length).toBe(wanted.length);
  ours.forEach((v, i) => { expect(Math.abs(v - wanted[i]!)).toBeLessThan(1e-5 * Math.max(1, Math.abs(wanted[i]!))); });
};
/** Channel c, row y, column x of image n as a function of its place. */
const placed = ({ dims, data }: TensorValue, order: (n: number, c: number, y: number, x: number) => [number, number, number, number], to: readonly number[]) => {
  const [, C, H, W] = dims as [number, number, number, number], out: number[] = [];
  const [a, b, c, d] = to as [number, number, number, number];
  for (let i = 0; i < a; i++) for (let j = 0; j < b; j++) for (let k = 0; k < c; k++) for (let l = 0; l < d; l++) {
    const [n, ch, y, x] = order(i, j, k, l);
    out.push((data as Float32Array)[((n * C + ch) * H + y) * W + x]!);
  }
  return out;
};

describe(`what a model is given (seed ${seed})`, () => {
  const image = noise(2, 3, 4, 4), same = numbers(image);
  test('values in its range, less the mean, over the deviation, channel by channel', async () => {
    close(await given(image, ['N', 3, 4, 4]), same.map((v) => (v + 1) / 2));
    const mean = [0.4, 0.5, 0.6], std = [0.2, 0.3, 0.4];
    close(await given(image, ['N', 3, 4, 4], { range: [0, 255], mean, std }), same.map((v, i) => { const c = Math.floor(i / 16) % 3; return ((v + 1) / 2 * 255 - mean[c]!) / std[c]!; }));
  });
  test('blue first, with the numbers of its own channel', async () => {
    const mean = [0.1, 0, -0.3];
    const blue = placed(image, (n, c, y, x) => [n, 2 - c, y, x], [2, 3, 4, 4]).map((v, i) => v - mean[2 - (Math.floor(i / 16) % 3)]!);
    close(await given(image, ['N', 3, 4, 4], { range: [-1, 1], mean, channels: 'bgr' }), blue);
  });
  test('channels last, where the file says so', async () => {
    close(await given(image, ['N', 4, 4, 3], { range: [-1, 1] }), placed(image, (n, y, x, c) => [n, c, y, x], [2, 4, 4, 3]));
  });
  test('a single channel three times; itself where it takes one', async () => {
    const grey = noise(2, 1, 4, 4);
    close(await given(grey, ['N', 3, 4, 4], { range: [-1, 1] }), placed(grey, (n, _, y, x) => [n, 0, y, x], [2, 3, 4, 4]));
    close(await given(grey, ['N', 1, 4, 4], { range: [-1, 1] }), numbers(grey));
  });
  test('mirrored', async () => {
    close(await given(image, ['N', 3, 4, 4], { range: [-1, 1] }, { mirrored: true }), placed(image, (n, c, y, x) => [n, c, y, 3 - x], [2, 3, 4, 4]));
  });
  test('at its size: a constant stays one, a mirrored image is mirrored larger', async () => {
    const flat = tensor('f32', [1, 3, 4, 4], new Float32Array(48).fill(0.25));
    for (const resize of ['bilinear', 'bilinear-align', 'bicubic', 'bicubic-align', 'bicubic-antialias']) {
      close(await given(flat, ['N', 3, 7, 7], { range: [-1, 1], resize }), Array<number>(147).fill(0.25));
      const large = tensor('f32', [2, 3, 7, 7], Float32Array.from(await given(image, ['N', 3, 7, 7], { range: [-1, 1], resize })));
      close(await given(image, ['N', 3, 7, 7], { range: [-1, 1], resize }, { mirrored: true }), placed(large, (n, c, y, x) => [n, c, y, 6 - x], [2, 3, 7, 7]));
    }
  });
});

describe('what is refused, before anything runs', () => {
  const refusal = async (given_: object): Promise<string> => {
    const error = await sizesOf(heard(host, folder).services, settings(given_)).then(() => undefined, (thrown: GantryError) => thrown);
    expect(error).toMatchObject({ exitCode: 2 });
    return error!.message;
  };
  const pair = () => modelFile(folder, 'pair', ['N', 3, 8, 8], (x) => ({ deep: ops.mean(x, [2, 3]), wide: x, counts: ops.cast(ops.mean(x, [2, 3]), 'i64') }));

  test('a size that is not the file\'s, a size that nobody says', async () => {
    expect(await refusal({ model: await mixing(folder, 'eight', 8, 5), size: 9 })).toMatch(/model .*eight.onnx: size is 9; its input is image f32\[N,3,8,8\], of height 8\n {2}try "size": 8, or none/);
    const open = await modelFile(folder, 'open', ['N', 3, 'h', 'w'], (x) => ({ f: ops.mean(x, [2, 3]) }));
    expect(await refusal({ model: open })).toMatch(/its input is image f32\[N,3,h,w\], of any height; the size to give it is not said/);
    expect(await sizesOf(heard(host, folder).services, settings({ model: open, size: 6 }))).toEqual({ F: 3 });
  });
  test('an output that is not there, or no f32, or one of several', async () => {
    const model = await pair();
    expect(await refusal({ model, output: 'depth' })).toMatch(/it has no output "depth"; its outputs are deep f32\[N,3\]; wide f32\[N,3,8,8\]; counts i64\[N,3\]/);
    expect(await refusal({ model, output: 'counts' })).toMatch(/its output counts i64\[N,3\] is no f32/);
    expect(await refusal({ model })).toMatch(/which output has the features is not said; its outputs are deep/);
  });
  test('channels that images do not have, an input that is no image, axes that nothing tells', async () => {
    expect(await refusal({ model: await modelFile(folder, 'four', ['N', 4, 8, 8], (x) => ({ f: ops.mean(x, [2, 3]) })), layout: 'NCHW' })).toMatch(/4 channels in NCHW; 1 or 3 are wanted/);
    expect(await refusal({ model: await mixing(folder, 'eight', 8, 5), channels: 'grey' })).toMatch(/3 channels in NCHW; channels "grey" are 1/);
    expect(await refusal({ model: await modelFile(folder, 'flat', ['N', 12], (x) => ({ f: x })) })).toMatch(/its input is image f32\[N,12\]; wants images, rank 4/);
    expect(await refusal({ model: await modelFile(folder, 'bytes', ['N', 3, 8, 8], (x) => ({ f: ops.mean(ops.cast(x, 'f32'), [2, 3]) }), 'u8') })).toMatch(/its input is image u8\[N,3,8,8\]; wants f32/);
    expect(await refusal({ model: await modelFile(folder, 'any', ['N', 'a', 'b', 'c'], (x) => ({ f: ops.mean(x, [2, 3]) })) })).toMatch(/do not tell where the channels are\n {2}try "layout"/);
    expect(await refusal({ model: await mixing(folder, 'eight', 8, 5), mean: [1, 2] })).toMatch(/mean has 2 numbers/);
  });
  test('files that are no model or absent, names that nobody knows', async () => {
    await writeFile(path.join(folder, 'torn.onnx'), 'nonsense');
    expect(await refusal({ model: path.join(folder, 'torn.onnx') })).toMatch(/torn.onnx: is no ONNX model, or not a whole one/);
    expect(await refusal({ model: path.join(folder, 'absent.onnx') })).toMatch(/absent.onnx: there is no such file; wants an ONNX model/);
    expect(await refusal({ model: 'nobody' })).toMatch(/model "nobody": there is no such model/);
  });
  test('scores that nothing names', async () => {
    const model = await pair();
    expect(await refusal({ model, output: 'deep', score: true })).toMatch(/which output has class scores is not said/);
    expect(await refusal({ model, output: 'deep', score: 'deep' })).toMatch(/whether its output "deep" holds logits or probabilities is not said/);
    expect(await refusal({ model, output: 'deep', score: 'wide', scores: 'logits' })).toMatch(/its output is wide f32\[N,3,8,8\]; class scores are wanted, of rank 2/);
  });
});

describe(`what comes out (seed ${seed})`, () => {
  const image = noise(5, 3, 4, 4);
  const run = async (model: string, more: object = {}) => {
    const extractor = await openExtractor(heard(host, folder).services, settings({ model, range: [-1, 1], batch: 2, ...more }));
    const result = { ...(await extractor.extract(image)), width: extractor.width, classes: extractor.classes };
    await extractor.close();
    return result;
  };
  const means = Array.from({ length: 15 }, (_, i) => numbers(image).slice(16 * i, 16 * (i + 1)).reduce((a, b) => a + b) / 16);
  const before = () => host.residents.size;

  test('positions are pooled, in either layout; or their first is taken', async () => {
    const held = before();
    const maps = await modelFile(folder, 'maps', ['N', 3, 4, 4], (x) => ({ map: x }));
    close(numbers((await run(maps)).feature), means);
    close(numbers((await run(maps, { pool: 'first' })).feature), Array.from({ length: 15 }, (_, i) => numbers(image)[16 * i]!));
    const last = await modelFile(folder, 'last', ['N', 4, 4, 3], (x) => ({ map: x }));
    expect((await run(last)).width).toBe(3);
    close(numbers((await run(last)).feature), means);
    const tokens = await modelFile(folder, 'tokens', ['N', 3, 4, 4], (x) => ({ tokens: ops.transpose(ops.reshape(x, ['N', 3, 16]), [0, 2, 1]) }));
    close(numbers((await run(tokens)).feature), means);
    close(numbers((await run(tokens, { pool: 'first' })).feature), Array.from({ length: 15 }, (_, i) => numbers(image)[16 * i]!));
    expect(before()).toBe(held);
  });
  test('rows do not depend on their batch; a file for one image at a time gets one', async () => {
    const two = await run(await mixing(folder, 'mix', 4, 6)), all = await run(await mixing(folder, 'mix', 4, 6), { batch: 100 });
    close(numbers(two.feature), numbers(all.feature));
    const fixed = await modelFile(folder, 'fixed', [2, 3, 4, 4], (x) => ({ f: ops.mean(x, [2, 3]) }));
    close(numbers((await run(fixed, { batch: 100 })).feature), means);
  });
  test('vectors are divided by their norm when told so; a vector of zeros stays', async () => {
    const { feature } = await run(await mixing(folder, 'mix', 4, 6), { normalise: true });
    for (let i = 0; i < 5; i++) expect(Math.hypot(...numbers(feature).slice(6 * i, 6 * i + 6))).toBeCloseTo(1, 5);
    const zeros = await modelFile(folder, 'zeros', ['N', 3, 4, 4], (x) => ({ f: ops.mul(ops.clip(ops.mean(x, [2, 3]), 5, 6), 0) }));
    expect(new Set(numbers((await run(zeros, { normalise: true })).feature))).toEqual(new Set([0]));
  });
  test('scores are probabilities, from logits or as they are', async () => {
    const model = await modelFile(folder, 'both', ['N', 3, 4, 4], (x) => ({ f: ops.mean(x, [2, 3]), logits: ops.mean(x, [2, 3]), p: ops.softmax(ops.mean(x, [2, 3]), 1) }));
    const { score, classes } = await run(model, { output: 'f', score: 'logits', scores: 'logits' });
    expect(classes).toBe(3);
    close(numbers(score!), numbers((await run(model, { output: 'f', score: 'p', scores: 'probabilities' })).score!));
    expect(numbers(score!).slice(0, 3).reduce((a, b) => a + b)).toBeCloseTo(1, 5);
  });
  test('a width that the file leaves open is found by running it once', async () => {
    const model = await modelFile(folder, 'loose', ['N', 3, 'h', 4], (x) => ({ f: ops.mean(x, [1, 3]) }));
    expect(await sizesOf(heard(host, folder).services, settings({ model, size: 4 }))).toEqual({ F: 4 });
  });
  test('numbers that are none name model and image, with exit code 2', async () => {
    const model = await modelFile(folder, 'logs', ['N', 3, 4, 4], (x) => ({ f: ops.log(ops.mean(x, [2, 3])) }));
    const bright = tensor('f32', [5, 3, 4, 4], Float32Array.from({ length: 240 }, (_, i) => (Math.floor(i / 48) === 3 ? -0.5 : 0.5)));
    const extractor = await openExtractor(heard(host, folder).services, settings({ model, range: [-1, 1], batch: 2 }));
    await expect(extractor.extract(bright)).rejects.toMatchObject({ exitCode: 2, message: expect.stringMatching(/model .*logs.onnx: its feature of image 3 has NaN/) });
    await extractor.close();
    const dataset = { ...smallDataset(8, [3, 4, 4]), key: 'bright' };
    await expect(onnx.features(heard(host, folder).services, settings({ model, range: [-1, 1], batch: 2 }), dataset)).rejects
      .toMatchObject({ exitCode: 2, message: expect.stringMatching(/its feature of image \d of noise 1 has NaN/) });
  });
  test('colours are not made grey in silence', async () => {
    const model = await mixing(folder, 'grey', 4, 5, 1);
    expect(await sizesOf(heard(host, folder).services, settings({ model }))).toEqual({ F: 5, C: 1 });
    await expect(run(model)).rejects.toThrow(/it takes grey images; these are f32\[5,3,4,4\]/);
  });
});

test(`extractor/images steps over images as they come (seed ${seed})`, async () => {
  const { services } = heard(host, folder), model = await mixing(folder, 'mix', 4, 6);
  const config = images.config.parse({ model, batch: 3 }), behaviour = await images.start(config, { node: 'seen', services } as never);
  const wave = { node: 'seen', wave: 0, services, signal: new AbortController().signal, random: () => keyedRandom(1, 'x', 0, 'y') };
  const { outputs } = await behaviour.step({}, { image: await host.put(noise(7, 3, 4, 4)) } as never, wave);
  expect((outputs.feature as TensorValue).dims).toEqual([7, 6]);
  await behaviour.close?.();
  expect(await images.dims!(config, services)).toEqual({ F: 6 });
});

test(`extractor/onnx emits when the data set is another one, and only then (seed ${seed})`, async () => {
  const { services } = heard(host, path.join(folder, 'node')), model = await mixing(folder, 'mix', 4, 6);
  const behaviour = await featuresNode.start(featuresNode.config.parse({ model }), { node: 'features', services } as never);
  const wave = (n: number) => ({ node: 'features', wave: n, services, signal: new AbortController().signal, random: () => keyedRandom(1, 'x', 0, 'y') });
  const dataset = smallDataset(9, [3, 4, 4]), step = async (n: number, given_: object) => (await behaviour.step({}, { dataset: given_ } as never, wave(n))).outputs;
  expect(await step(0, dataset)).toMatchObject({ features: { size: 9, width: 6, normalised: true, flips: false, classes: 2 } });
  expect(await step(1, dataset)).toEqual({});
  expect(await step(2, smallDataset(4, [3, 4, 4], { seed: 2 }))).toMatchObject({ features: { size: 4 } });
});
