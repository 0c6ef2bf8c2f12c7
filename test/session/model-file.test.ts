/** @file Opening ONNX files: their signatures, with ONNX Runtime and without, running them, and files that are none. Runs where the published models lie beside the project. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SessionHost } from '../../engine/session/host.js';
import { keyedRandom } from '../../engine/session/keyed-random.js';
import { readModelFile } from '../../engine/session/model-file.js';
import { createWorkerHost } from '../../engine/session/worker-host.js';
import { show } from '../../engine/spec/tensor-type.js';
import { tensor, type TensorValue } from '../../engine/spec/value.js';
import { writeModel } from '../../engine/tensor/onnx/schema.js';

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

withModels('what a file says of itself is what ONNX Runtime finds in it, and its hash is the file\'s', async () => {
  const files = (await readdir(models)).filter((name) => name.endsWith('.onnx'));
  expect(files.length).toBeGreaterThan(5);
  for (const name of files) {
    const file = await readModelFile(join(models, name)), opened = await host.open(join(models, name));
    const spell = (ports: Record<string, { dtype: string; dims: readonly unknown[] }>) => Object.entries(ports).map(([port, { dtype, dims }]) => `${port} ${dtype}[${dims}]`);
    expect([...file.inputs, ...file.outputs].map((port) => `${port.name} ${port.dtype}[${port.dims}]`)).toEqual([...spell(opened.signature.inputs as never), ...spell(opened.signature.outputs as never)]);
    expect(file.sha256).toBe(createHash('sha256').update(await readFile(join(models, name))).digest('hex'));
    await opened.release();
  }
});

test('weights beside a file count into its hash; a dtype that we do not have, and a size that nobody names, are told', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'gantry-model-')), file = join(folder, 'm.onnx');
  await writeFile(file, writeModel({ graph: {
    initializer: [{ name: 'w', dims: [2n], dataType: 1, externalData: [{ key: 'location', value: 'w.bin' }, { key: 'length', value: '8' }] }],
    input: [{ name: 'x', type: { tensorType: { elemType: 10, shape: { dim: [{ dimParam: 'batch size' }, {}, { dimValue: 3n }] } } } }, { name: 'w', type: { tensorType: { elemType: 1 } } }],
    output: [{ name: 'y', type: { tensorType: { elemType: 1 } } }],
  } }));
  await expect(readModelFile(file)).rejects.toThrow(/m.onnx: its weights are in .*w.bin, which can not be read: ENOENT/);
  await writeFile(join(folder, 'w.bin'), 'one');
  const one = await readModelFile(file);
  expect(one).toMatchObject({ inputs: [{ name: 'x', dtype: 'f16', dims: ['batch_size', '', 3] }], outputs: [{ name: 'y', dtype: 'f32' }], external: ['w.bin'] });
  await writeFile(join(folder, 'w.bin'), 'another');
  expect((await readModelFile(file)).sha256).not.toBe(one.sha256);
  await rm(folder, { recursive: true });
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
