/** @file `gantry sample` draws from a generator's file alone: points as a table and a plot, images as PNG files and a contact sheet. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decode } from 'fast-png';
import { tensor } from '../../engine/spec/value.js';
import { encode } from '../../engine/tensor/onnx/encode.js';
import { add, cast, input, matmul, reshape } from '../../engine/tensor/ops/index.js';
import { createFolder, type Folder } from './fixture.js';

let folder: Folder;
beforeAll(() => { folder = createFolder(); });
afterAll(() => folder.remove());

/** A generator that ignores nothing: image = z W (+ label), reshaped. */
function generator(image: readonly number[], labels: number, weigh: (index: number) => number = () => 0): Uint8Array {
  const latent = 3, width = image.reduce((a, b) => a * b, 1);
  const z = input('z', { dtype: 'f32', dims: ['N', latent] }), label = input('label', { dtype: 'i64', dims: ['N'] });
  const weight = input('weight', { dtype: 'f32', dims: [latent, width] });
  const flat = labels > 1 ? add(matmul(z, weight), reshape(cast(label, 'f32'), ['N', 1])) : matmul(z, weight);
  const networks = { backbone: 'none', config: {}, image, condition: { labels: labels === 1 ? 0 : labels, width: 0 }, latent };
  return encode({
    name: 'generator', inputs: labels > 1 ? { z, label } : { z }, state: { weight: { value: weight, next: weight } },
    outputs: { image: reshape(flat, ['N', ...image]) },
  }, { constants: { weight: tensor('f32', [latent, width], Float32Array.from({ length: latent * width }, (_, i) => weigh(i))) }, metadata: { gantry: JSON.stringify(networks) } });
}

test('points become a table and a scatter plot, and their labels are dealt out in turn', async () => {
  writeFileSync(join(folder.path, 'points.onnx'), generator([2], 5));
  const { code, err, events } = await folder.gantry('sample', 'points.onnx', '--count', '70', '--classes', '1,4', '--out', 'points', '--json');
  expect({ code, err }).toEqual({ code: 0, err: '' });
  expect(events).toMatchObject([{ type: 'sampled', count: 70 }]);
  const lines = readFileSync(join(folder.path, 'points/samples.csv'), 'utf8').trim().split('\n');
  expect(lines).toHaveLength(71);
  expect(lines.slice(0, 3)).toEqual(['x,y,label', '1,1,1', '4,4,4']);
  expect(readFileSync(join(folder.path, 'points/samples.svg'), 'utf8')).toMatch(/^<svg/);
});

test('images become PNG files and a contact sheet', async () => {
  writeFileSync(join(folder.path, 'images.onnx'), generator([3, 4, 5], 1));
  expect(await folder.gantry('sample', 'images.onnx', '--count', '2', '--out', 'images')).toMatchObject({ code: 0 });
  const { width, height, channels, data } = decode(readFileSync(join(folder.path, 'images/sample-1.png')));
  expect({ width, height, channels }).toEqual({ width: 5, height: 4, channels: 3 });
  expect([...new Set(data)]).toEqual([128]);
  expect(decode(readFileSync(join(folder.path, 'images/contact-sheet.png')))).toMatchObject({ channels: 3 });
});

test('noise is cut off at twice the truncation; options that would go unheard are refused', async () => {
  const near = async (...args: string[]) => {
    expect(await folder.gantry('sample', 'identity.onnx', '--count', '400', '--out', 'cut', ...args)).toMatchObject({ code: 0 });
    return Math.max(...readFileSync(join(folder.path, 'cut/samples.csv'), 'utf8').trim().split('\n').slice(1).flatMap((line) => line.split(',').map((v) => Math.abs(Number(v)))));
  };
  writeFileSync(join(folder.path, 'identity.onnx'), generator([2], 1, (i) => (i % 3 === 0 ? 1 : 0)));
  expect(await near()).toBeGreaterThan(2);
  const cut = await near('--truncation', '0.5');
  expect(cut).toBeLessThanOrEqual(1);
  expect(cut).toBeGreaterThan(0.9);
  const [seeds, nearest] = await Promise.all([folder.gantry('sample', 'points.onnx', '--seeds', '1,2'), folder.gantry('sample', 'points.onnx', '--nearest', '3')]);
  expect(seeds).toMatchObject({ code: 2, err: expect.stringContaining('--seeds: it goes with --instances') });
  expect(nearest).toMatchObject({ code: 2, err: expect.stringContaining('--nearest: it goes with --instances') });
});

test('what can not be drawn from says why', async () => {
  writeFileSync(join(folder.path, 'torn.onnx'), 'nothing');
  const [torn, label, absent] = await Promise.all([
    folder.gantry('sample', 'torn.onnx'), folder.gantry('sample', 'points.onnx', '--classes', '5'), folder.gantry('sample', '.'),
  ]);
  expect(torn).toMatchObject({ code: 2, err: expect.stringMatching(/torn.onnx: is no ONNX file|was not exported by gantry/) });
  expect(label).toMatchObject({ code: 2, err: expect.stringContaining('--classes: "5" is no label; labels are 0 to 4') });
  expect(absent).toMatchObject({ code: 2, err: expect.stringContaining('it holds no generator.onnx') });
});
