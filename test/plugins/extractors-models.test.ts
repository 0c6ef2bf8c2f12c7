/** @file Extractors with the published models, by their names, in graphs. */
import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { applySets } from '../../engine/dataflow/sets.js';
import type { Graph } from '../../engine/dataflow/graph.js';
import { ask } from '../../engine/registry/ask.js';
import { createEngine, type Engine } from '../../engine/registry/engine.js';
import { definePlugin } from '../../engine/registry/plugin.js';
import { CACHE } from '../../engine/registry/token.js';
import { tensor } from '../../engine/spec/value.js';
import type { ExtractorType } from '../../engine/training/extractor.js';
import type { Features } from '../../engine/training/values.js';
import { temporary } from './extraction.js';
import { numbers, shared, whenShared } from './rig.js';

let folder: string, engine: Engine;
const notes: string[] = [];
beforeAll(async () => {
  folder = await temporary();
  const elsewhere = definePlugin({ name: 'test-cache', bind: ({ rebind }) => { rebind(CACHE).toConstantValue(path.join(folder, 'cache')); } });
  engine = await createEngine({ modules: [elsewhere], console: { note: (message) => { notes.push(message); }, progress: () => {} } });
});
afterAll(async () => {
  await engine.close();
  await rm(folder, { recursive: true });
});

/** IDX files of ten digits that are none. */
async function digits(): Promise<string> {
  const idx = (dims: readonly number[], data: ArrayLike<number>) => {
    const header = Buffer.alloc(4 + 4 * dims.length);
    header.writeUInt32BE(0x0800 | dims.length);
    dims.forEach((d, i) => { header.writeUInt32BE(d, 4 + 4 * i); });
    return Buffer.concat([header, Uint8Array.from(data)]);
  };
  await writeFile(path.join(folder, 'train-images-idx3-ubyte'), idx([10, 28, 28], Array.from({ length: 7840 }, (_, i) => (i * i) % 251)));
  await writeFile(path.join(folder, 'train-labels-idx1-ubyte'), idx([10], Array.from({ length: 10 }, (_, i) => i)));
  return folder;
}

whenShared('one line of a graph swaps the extractor: what depends on it is extracted, and says why; swapping back reuses', async () => {
  const graph: Graph = { nodes: {
    data: { type: 'data/idx', config: { path: await digits(), resolution: 32, batch: 4 } },
    features: { type: 'extractor/onnx', config: { model: 'cifar10-resnet20' }, in: { dataset: 'data.dataset' } },
  } };
  const said = async (...sets: string[]) => {
    notes.length = 0;
    const changed = applySets(graph, sets), held = await ask(engine, { graph: changed.graph }, { features: 'features.features' });
    const features = held.values.features as Features, rows = numbers(await features.read(Int32Array.of(0, 9)));
    await held.close();
    return { width: features.width, rows, notes: notes.join('\n') };
  };
  const first = await said();
  expect(first).toMatchObject({ width: 64, notes: expect.stringMatching(/features: the images of .* have 1 channel, cifar10-resnet20 takes 3: it is repeated\nfeatures: extracts 10 vectors of 64 by cifar10-resnet20: the store has nothing/) });
  expect(Math.hypot(...first.rows.slice(0, 64))).toBeCloseTo(1, 5);
  const swapped = await said('features.config.model=lenet5-mnist');
  expect(swapped.width).toBe(84);
  expect(swapped.notes).toMatch(/nearest in the store model \(cifar10-resnet20 94ae88ca in the store, lenet5-mnist c3c3d96e now\), output \(name "features" in the store, "features84" now\), preparation \(channels "rgb" in the store, "grey" now; size \[32,32\] in the store, \[28,28\] now; mean .*\) changed, data, mirrored stayed/);
  const back = await said();
  expect(back.notes).toMatch(/features: reuses 10 vectors of 64 by cifar10-resnet20/);
  expect(back.rows).toEqual(first.rows);
});

whenShared('what a graph says wrongly is an issue when it is composed, beside the others', async () => {
  const issues = async (config: object, data: object = { type: 'data/idx', config: { path: '.', resolution: 32 } }) =>
    (await engine.check({ graph: { nodes: { data: data as never, features: { type: 'extractor/onnx', config, in: { dataset: 'data.dataset' } } } } })).issues.map(({ at, says }) => `${at}: ${says}`);
  expect(await issues({ model: 'tiny-darknet', output: 'features' })).toEqual([expect.stringMatching(/^nodes.features.config: model tiny-darknet: it has no output "features"; its outputs are logits f32\[batch,1000\]; features512 f32\[batch,512\]/)]);
  expect(await issues({ model: 'mobilenetv2-035', size: 192 })).toEqual([expect.stringMatching(/size is 192; its input is input_1 f32\[batch,3,224,224\], of height 224/)]);
  expect(await issues({ model: 'mobilenet' })).toEqual([expect.stringMatching(/model "mobilenet": there is no such model; at hand: cifar10-resnet20/)]);
  expect(await issues({ model: 'lenet5-mnist' }, { type: 'data/stacked-digits', config: { path: '.', resolution: 32 } })).toEqual([expect.stringMatching(/disagrees/)]);
});

whenShared('the part gives features and class probabilities: recompressed CIFAR-10 is classified, in its own colours and range best', async () => {
  const bytes = await readFile(path.join(shared, 'data/cifar10/data_batch_1.bin')), count = 300;
  const labels = Array.from({ length: count }, (_, i) => bytes[i * 3073]!);
  const pixels = new Float32Array(count * 3072);
  for (let i = 0; i < count; i++) for (let p = 0; p < 3072; p++) pixels[i * 3072 + p] = bytes[i * 3073 + 1 + p]! / 127.5 - 1;
  const type = engine.services.component<ExtractorType>('extractor', 'onnx');
  const accuracy = async (more: object) => {
    const extractor = await type.open(engine.services, type.config.parse({ model: 'cifar10-resnet20', score: true, batch: 50, ...more }));
    const { feature, score } = await extractor.extract(tensor('f32', [count, 3, 32, 32], pixels));
    await extractor.close();
    expect([extractor.width, extractor.classes, feature.dims]).toEqual([64, 10, [count, 64]]);
    const said = numbers(score!), best = (i: number) => { const row = said.slice(10 * i, 10 * i + 10); return row.indexOf(Math.max(...row)); };
    return labels.filter((label, i) => best(i) === label).length / count;
  };
  // 0.918 on the original test images; these went through JPEG.
  const right = await accuracy({});
  expect(right).toBeGreaterThan(0.8);
  expect(await accuracy({ channels: 'bgr' })).toBeLessThan(right - 0.05);
  expect(await accuracy({ range: [0, 255] })).toBeLessThan(0.5);
});
