/** @file Convolutions beyond the table of cases: batches cut into chunks, batches of any size, and what their rules refuse. */
import ort from 'onnxruntime-node';
import { evaluate } from '../../engine/tensor/evaluate.js';
import { grad } from '../../engine/tensor/grad.js';
import { encode } from '../../engine/tensor/onnx/encode.js';
import { geometry, windowsOf } from '../../engine/tensor/ops/convolution-geometry.js';
import { inTiles } from '../../engine/tensor/ops/convolution-tiles.js';
import { averagePool, convolution, input, maxPool, mul, resizeNearest, sum, tanh, transposedConvolution } from '../../engine/tensor/ops/index.js';
import type { Dim } from '../../engine/spec/tensor-type.js';
import type { Tensor } from '../../engine/tensor/tensor.js';
import { seeded } from './cases/case.js';

const f32 = (name: string, ...dims: Dim[]) => input(name, { dtype: 'f32', dims });
const random = seeded(7);
const draw = (...dims: number[]) => ({ dims, data: Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => 2 * random() - 1) });
type Feed = ReturnType<typeof draw>;

/** The largest difference between ONNX Runtime and the interpreter, relative to the largest value, over all outputs. */
async function compare(inputs: Readonly<Record<string, Tensor>>, outputs: readonly Tensor[], feeds: Readonly<Record<string, Feed>>): Promise<number> {
  const model = encode({ name: 'convolutions', inputs, state: {}, outputs: Object.fromEntries(outputs.map((t, i) => [`y${i}`, t])) });
  const session = await ort.InferenceSession.create(model, { graphOptimizationLevel: 'disabled', intraOpNumThreads: 1 });
  const fed = Object.entries(feeds).map(([name, { dims, data }]) => [name, new ort.Tensor('float32', data, dims)]);
  const results = await session.run(Object.fromEntries(fed));
  await session.release();
  return Math.max(...evaluate(outputs, feeds).map(({ dims, data }, i) => {
    expect(results[`y${i}`]!.dims).toEqual(dims);
    const got = results[`y${i}`]!.data as Float32Array;
    let error = 0, size = 0;
    for (let k = 0; k < data.length; k++) {
      error = Math.max(error, Math.abs(got[k]! - data[k]!));
      size = Math.max(size, Math.abs(data[k]!));
    }
    return error / size;
  }));
}

test('a batch that goes through in chunks gives what it gives whole (seed 7)', async () => {
  const x = f32('x', 32, 64, 16, 16), w = f32('w', 8, 64, 4, 4), v = f32('v', 32, 8, 8, 8);
  const y = convolution(x, w, { stride: 2, padding: 1 });
  const slots = [y, ...grad(sum(mul(y, v)), [x, w])];
  expect(await compare({ x, w, v }, slots, { x: draw(32, 64, 16, 16), w: draw(8, 64, 4, 4), v: draw(32, 8, 8, 8) })).toBeLessThan(1e-5);
});

describe('the weight gradient of a large result (seed 7)', () => {
  test.each([
    { image: [3, 4, 14, 15], kernel: [6, 4, 3, 3], options: { padding: 1 } },
    { image: [2, 4, 29, 28], kernel: [5, 4, 3, 3], options: { stride: 2, padding: 1 } },
    { image: [2, 3, 30, 27], kernel: [4, 3, 4, 4], options: { stride: 2, padding: [1, 0, 2, 1] as const } },
    { image: [2, 3, 41, 26], kernel: [4, 3, 5, 2], options: { stride: [3, 2] as const, padding: [2, 1] as const } },
    { image: [2, 3, 25, 26], kernel: [4, 3, 1, 1], options: { stride: 2 } },
    { image: [2, 3, 16, 16], kernel: [4, 3, 3, 3], options: { padding: 2, dilation: 2 } },
    { image: [12, 1, 484, 482], kernel: [1, 1, 3, 3], options: { padding: 1 } },
  ])('image $image, kernel $kernel, $options', async ({ image, kernel, options }) => {
    const x = f32('x', ...image), w = f32('w', ...kernel), y = convolution(x, w, options), v = f32('v', ...y.dims);
    expect(Number(y.dims[2]) * Number(y.dims[3])).toBeGreaterThan(128);
    const feeds = { x: draw(...image), v: draw(...y.dims as number[]) };
    expect(await compare({ x, v }, grad(sum(mul(y, v)), [w]), feeds)).toBeLessThan(1e-5);
  });
});

describe('tiles with fewer products (seed 7)', () => {
  test.each([
    { image: [48, 48, 4, 4], out: 40, padding: 1 },
    { image: [48, 48, 6, 10], out: 48, padding: 0 },
    { image: [48, 40, 5, 4], out: 48, padding: [1, 1, 0, 1] as const },
    { image: [40, 56, 3, 9], out: 64, padding: [2, 1, 1, 0] as const },
    { image: [32, 64, 7, 8], out: 56, padding: [2, 1, 0, 1] as const },
  ])('image $image, $out kernels, padding $padding', async ({ image, out, padding }) => {
    const x = f32('x', ...image), w = f32('w', out, image[1]!, 3, 3), y = convolution(x, w, { padding }), v = f32('v', ...y.dims);
    const { inputs: [a, b], attrs } = y.equation, { batch, result } = geometry(image[0]!, image.slice(1) as [number, number, number], b!.dims as [number, number, number, number], undefined, attrs);
    expect(inTiles({ ...windowsOf(attrs), batch: batch as number, image: a!.dims.slice(1) as [number, number, number], result, kernel: [3, 3], groups: 1 })).toBe(true);
    const feeds = { x: draw(...image), w: draw(out, image[1]!, 3, 3), v: draw(...y.dims as number[]) };
    expect(await compare({ x, w, v }, [y, ...grad(sum(mul(y, v)), [x, w])], feeds)).toBeLessThan(1e-5);
  });
});

test('one program serves batches of every size (seed 7)', async () => {
  const x = f32('x', 'N', 16, 4, 4), w = f32('w', 16, 2, 4, 4), v = f32('v', 2, 2, 3, 3);
  const up = tanh(transposedConvolution(x, w, { stride: 2, padding: 1 }));
  const outputs = [
    up, convolution(up, v, { padding: 1 }),
    averagePool(up, { kernel: 2 }), maxPool(up, { kernel: 3, stride: 2, padding: 1 }), resizeNearest(up, 2),
  ];
  expect(outputs.map((t) => t.dims[0])).toEqual(['N', 'N', 'N', 'N', 'N']);
  const kernels = { w: draw(16, 2, 4, 4), v: draw(2, 2, 3, 3) };
  for (const n of [1, 3]) expect(await compare({ x, w, v }, outputs, { x: draw(n, 16, 4, 4), ...kernels })).toBeLessThan(1e-5);
});

test('an output padding makes the sizes that the convolution came from', () => {
  const x = f32('x', 2, 3, 7, 8), w = f32('w', 4, 3, 3, 3), y = convolution(x, w, { stride: 2, padding: 1 });
  expect(transposedConvolution(y, w, { stride: 2, padding: 1, outputPadding: [0, 1] }).dims).toEqual(x.dims);
  expect(() => transposedConvolution(y, w, { stride: 2, padding: 1, outputPadding: 2 }))
    .toThrow('9x9 with a 3x3 kernel gives 4 channels of 5x5, not 4 of 4x4');
});

test('sizes that do not fit are refused by name', () => {
  const x = f32('x', 'B', 256, 8, 8);
  expect(() => convolution(x, f32('w', 512, 128, 3, 3))).toThrow('convolution(f32[B,256,8,8], f32[512,128,3,3]): 256 channels are not 128');
  expect(() => convolution(x, f32('w', 6, 64, 3, 3), { groups: 4 })).toThrow('6 output channels do not divide into 4 groups');
  expect(() => convolution(x, f32('w', 8, 256, 9, 9))).toThrow('a 9x9 kernel does not fit into a padded 8x8 image');
  expect(() => convolution(f32('x', 2, 3, 'R', 'R'), f32('w', 8, 3, 3, 3))).toThrow('the image is 2,3,R,R: only its batch may be a symbol');
  expect(() => resizeNearest(f32('x', 2, 3, 4, 'W'), 2)).toThrow('is 2,3,4,W: only its batch may be a symbol');
  expect(() => maxPool(x, { kernel: 2, padding: 2 })).toThrow('padding 2,2,2,2 would give 2x2 windows outside the image');
});
