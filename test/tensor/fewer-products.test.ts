/** @file Convolutions by Winograd's filtering: the same numbers, in files whose other parts stay as they are. */
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import ort from 'onnxruntime-node';
import { keyedRandom } from '../../engine/session/keyed-random.js';
import { tensor } from '../../engine/spec/value.js';
import { encode } from '../../engine/tensor/onnx/encode.js';
import { fewerProducts } from '../../engine/tensor/onnx/fewer-products.js';
import { readModel, writeModel, type Onnx } from '../../engine/tensor/onnx/schema.js';
import { signatureOfModel } from '../../engine/tensor/onnx/signature.js';
import { program } from '../../engine/tensor/program.js';
import * as ops from '../../engine/tensor/ops/index.js';
import type { Tensor } from '../../engine/tensor/tensor.js';

const seed = 11;
const draws = keyedRandom(seed, 'test', 0, 'numbers').normal(4093);
/** Numbers that go round from a place of the name's own: drawing them all would be most of the test. */
const drawn = (name: string, ...dims: number[]) => {
  const out = new Float32Array(dims.reduce((a, b) => a * b));
  for (let i = 0; i < out.length; i++) out[i] = draws[(i + 997 * name.charCodeAt(0)) % draws.length]!;
  return out;
};
/** A model of one image, `x`, and weights by name: kernels [K,C,k,k] and biases [K,1,1]. */
function model(dims: readonly (number | string)[], weights: Readonly<Record<string, readonly number[]>>, body: (x: Tensor, w: Readonly<Record<string, Tensor>>) => Tensor): Uint8Array {
  const shapes = Object.fromEntries(Object.entries(weights).map(([name, sizes]) => [name, { dtype: 'f32' as const, dims: sizes }]));
  const constants = Object.fromEntries(Object.entries(weights).map(([name, sizes]) => [name, tensor('f32', sizes, drawn(name, ...sizes).map((v) => v / Math.sqrt(9 * (sizes[1] ?? 1))))]));
  return encode(program('m', shapes, { x: { dtype: 'f32', dims } }, (w, { x }) => ({ outputs: { y: body(x, w as Readonly<Record<string, Tensor>>) } })), { constants });
}
const kinds = (bytes: Uint8Array, type: string) => readModel(bytes).graph!.node!.filter(({ opType }) => opType === type).length;

async function outputs(bytes: Uint8Array, batch: number): Promise<Readonly<Record<string, Float32Array>>> {
  const session = await ort.InferenceSession.create(bytes, { logSeverityLevel: 4, intraOpNumThreads: 1 });
  const feeds = signatureOfModel(bytes).inputs.map(({ name, dims }) => {
    const sizes = dims!.map((dim, i) => (typeof dim === 'number' ? dim : i === 0 ? batch : 1));
    return [name, new ort.Tensor('float32', drawn(`x ${name}`, ...sizes), sizes)] as const;
  });
  const results = await session.run(Object.fromEntries(feeds));
  await session.release();
  return Object.fromEntries(Object.entries(results).map(([name, { data }]) => [name, data as Float32Array]));
}
async function same(before: Uint8Array, after: Uint8Array, batch: number): Promise<void> {
  const [a, b] = [await outputs(before, batch), await outputs(after, batch)];
  for (const [name, values] of Object.entries(a)) {
    const largest = values.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
    const worst = values.reduce((m, v, i) => Math.max(m, Math.abs(v - b[name]![i]!)), 0);
    expect([name, worst <= 5e-6 * largest]).toEqual([name, true]);
  }
}

describe(`the same numbers (seed ${seed})`, () => {
  const C = 128, kernel = [C, C, 3, 3], bias = [C, 1, 1];
  test.each([[8, 8], [7, 14], [12, 7], [20, 20]])('at %i x %i, alone and with bias, sum and ReLU behind', async (h, w) => {
    const alone = model(['N', C, h, w], { k: kernel }, (x, { k }) => ops.convolution(x, k!, { padding: 1 }));
    const block = model(['N', C, h, w], { k: kernel, b: bias, l: kernel, c: bias }, (x, { k, b, l, c }) => {
      const inner = ops.relu(ops.add(ops.convolution(x, k!, { padding: 1 }), b!));
      return ops.relu(ops.add(x, ops.add(ops.convolution(inner, l!, { padding: 1 }), c!)));
    });
    for (const [before, convolutions] of [[alone, 1], [block, 2]] as const) {
      const after = fewerProducts(before)!;
      expect([kinds(before, 'Conv'), kinds(after, 'Conv')]).toEqual([convolutions, 0]);
      await same(before, after, 3);
    }
  });

  test('with a bias that is reshaped among the channels before it is added', async () => {
    const before = model(['N', C, 8, 8], { k: kernel, b: [C] as const, c: [C, 1, 1] }, (x, { k, b, c }) => ops.relu(ops.add(ops.add(ops.convolution(x, k!, { padding: 1 }), c!), ops.reshape(b!, [C, 1, 1]))));
    expect(kinds(before, 'Reshape')).toBe(1);
    const after = fewerProducts(before)!;
    // One sum is left, over whole rows, and one ReLU: both biases are in it.
    expect([kinds(after, 'Conv'), kinds(after, 'Add'), kinds(after, 'Relu')]).toEqual([0, 1, 1]);
    await same(before, after, 3);
  });

  test('with a batch normalisation behind, and a batch that the file fixes', async () => {
    const given = readModel(model(['N', C, 8, 8], { k: kernel }, (x, { k }) => ops.convolution(x, k!, { padding: 1 })));
    const constant = (name: string, values: Float32Array): Onnx<'TensorProto'> => ({ name, dims: [BigInt(C)], dataType: 1, rawData: new Uint8Array(values.buffer) });
    const conv = given.graph!.node!.find(({ opType }) => opType === 'Conv')!;
    const before = writeModel({ ...given, graph: { ...given.graph!,
      node: [...given.graph!.node!.filter((one) => one !== conv), { ...conv, output: ['inner'] }, { opType: 'BatchNormalization', name: 'norm', input: ['inner', 'g', 's', 'm', 'v'], output: ['y'], attribute: [{ name: 'epsilon', type: 1, f: 0.01 }] }],
      input: [{ name: 'x', type: { tensorType: { elemType: 1, shape: { dim: [2, C, 8, 8].map((size) => ({ dimValue: BigInt(size) })) } } } }],
      initializer: [...given.graph!.initializer!, constant('g', drawn('g', C)), constant('s', drawn('s', C)), constant('m', drawn('m', C)), constant('v', drawn('v', C).map((v) => v * v))],
    } });
    const after = fewerProducts(before)!;
    expect(kinds(after, 'BatchNormalization')).toBe(0);
    await same(before, after, 2);
  });
});

test('convolutions that it does not fit, or would not pay for, stay', () => {
  const one = (C: number, size: number, options: object = { padding: 1 }, kernel = 3) =>
    model(['N', C, size, size], { k: [C, C, kernel, kernel] }, (x, { k }) => ops.convolution(x, k!, options));
  expect(fewerProducts(one(128, 8))).toBeDefined();
  for (const bytes of [one(128, 8, { padding: 1, stride: 2 }), one(128, 8, {}), one(128, 8, { padding: 2, dilation: 2 }), one(128, 8, {}, 1), one(4, 8), one(64, 56)]) expect(fewerProducts(bytes)).toBeUndefined();
  expect(() => fewerProducts(Buffer.from('nonsense'))).toThrow();
});

const models = '../shared/data/models';
(existsSync(models) ? test : test.skip)('published models give what they gave, wherever it pays', async () => {
  const changed: string[] = [];
  for (const name of (await readdir(models)).filter((file) => file.endsWith('.onnx'))) {
    const before = await readFile(`${models}/${name}`), after = fewerProducts(before);
    if (!after) continue;
    changed.push(name);
    await same(before, after, 2);
  }
  expect(changed).toEqual(['cifar10_resnet20.onnx', 'cifar10_resnet56.onnx', 'tiny_darknet_imagenet.onnx']);
});
