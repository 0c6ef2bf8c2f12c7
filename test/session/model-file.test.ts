/** @file Opening ONNX files: their signatures, running them, and files that are none. Runs where the published models lie beside the project. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SessionHost } from '../../engine/session/host.js';
import { keyedRandom } from '../../engine/session/keyed-random.js';
import { createWorkerHost } from '../../engine/session/worker-host.js';
import { show } from '../../engine/spec/tensor-type.js';
import { tensor, type TensorValue } from '../../engine/spec/value.js';

const models = '../shared/data/models';
const withModels = existsSync(models) ? test : test.skip;
const seed = 7;
const noise = (name: string, ...dims: number[]) => tensor('f32', dims, keyedRandom(seed, 'test', 0, name).uniform(dims.reduce((a, b) => a * b)));

let host: SessionHost;
beforeAll(async () => { host = await createWorkerHost({ threads: 1 }); });
afterAll(() => host.close());

withModels('a file gives its signature in our spelling, symbols included', async () => {
  const model = await host.open(join(models, 'acgan_mnist_generator.onnx'));
  const { inputs, outputs } = model.signature;
  expect(Object.entries({ ...inputs, ...outputs }).map(([name, type]) => `${name} ${show(type)}`))
    .toEqual(['input_3 i64[batch,1]', 'input_2 f32[batch,100]', 'image f32[batch,1,28,28]']);
  await model.release();
});

withModels(`file and bytes compute the same; rows do not depend on their batch (seed ${seed})`, async () => {
  const file = join(models, 'lenet5_mnist_csinva.onnx');
  const [fromFile, fromBytes] = await Promise.all([host.open(file), host.open(await readFile(file))]);
  const image = noise('image', 5, 1, 28, 28);
  const [one, two] = await Promise.all([fromFile, fromBytes].map((model) => model.run({}, { image })));
  expect(one!.outputs).toEqual(two!.outputs);
  expect((one!.outputs.features84 as TensorValue).dims).toEqual([5, 84]);
  const third = await fromFile.run({}, { image: tensor('f32', [1, 1, 28, 28], image.data.subarray(2 * 784, 3 * 784) as Float32Array) });
  const batch = (one!.outputs.logits as TensorValue).data as Float32Array;
  const single = (third.outputs.logits as TensorValue).data as Float32Array;
  for (let i = 0; i < 10; i++) expect(single[i]!).toBeCloseTo(batch[20 + i]!, 4);
});

withModels('inputs must agree on a symbol', async () => {
  const model = await host.open(join(models, 'acgan_mnist_generator.onnx'));
  const run = model.run({}, { input_3: tensor('i64', [2, 1], new BigInt64Array(2)), input_2: noise('z', 3, 100) });
  await expect(run).rejects.toThrow('inputs.input_2: is f32[3,100]; wants f32[batch,100]: dimension 0 disagrees, as input_3 says batch = 2');
});

test.each([
  ['no model', Buffer.from('nonsense')],
  ['nothing', new Uint8Array(0)],
])('bytes that are %s are an input error without native traces', async (_, bytes) => {
  const error = await host.open(bytes).catch((e: Error) => e) as Error & { exitCode: number };
  expect(error).toMatchObject({ name: 'InputError', exitCode: 2 });
  expect(error.message).toMatch(/^InputError: model: is no ONNX model that runs here: \S/);
  expect(error.message).not.toMatch(/onnxruntime_src|\n/);
});

test('a missing file is named', async () => {
  await expect(host.open('nowhere/model.onnx')).rejects.toThrow('InputError: nowhere/model.onnx: there is no such file; wants an ONNX model');
});
