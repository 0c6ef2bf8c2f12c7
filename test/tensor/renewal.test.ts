/** @file Parts of large weights are made again for readers far apart, and nothing else is. */
import ort from 'onnxruntime-node';
import { encode } from '../../engine/tensor/onnx/encode.js';
import { readModel } from '../../engine/tensor/onnx/schema.js';
import { matmul, reshape, sin, slice, split, transpose } from '../../engine/tensor/ops/index.js';
import { program } from '../../engine/tensor/program.js';

const SIDE = 1500; // a matrix of 9 MB
const f32 = (...dims: number[]) => ({ dtype: 'f32', dims }) as const;

/** Two products by one matrix, turned, with this many steps between; the rest of the flat vector is read beside them. */
const twice = (side: number, between: number) => program('twice', { flat: f32(side * side + 3) }, { x: f32(1, side) }, ({ flat }, { x }) => {
  const [part, rest] = split(flat!, [side * side, 3]), turned = transpose(reshape(part!, [side, side]));
  let h = matmul(x!, turned);
  for (let i = 0; i < between; i++) h = sin(h);
  return { outputs: { y: matmul(h, turned), rest: sin(rest!) } };
});
const counted = (bytes: Uint8Array) => {
  const count: Record<string, number> = {};
  for (const { opType } of readModel(bytes).graph!.node!) count[opType!] = (count[opType!] ?? 0) + 1;
  return count;
};

test('readers far apart get a part each, readers close by share one', () => {
  const far = counted(encode(twice(SIDE, 100), { sparing: true })), near = counted(encode(twice(SIDE, 10), { sparing: true }));
  expect([far.Slice, far.Split]).toEqual([3, undefined]);
  expect([near.Slice, near.Split]).toEqual([2, undefined]);
});

test('small weights are cut once, and so are those of files for other programs', () => {
  for (const bytes of [encode(twice(64, 100), { sparing: true }), encode(twice(SIDE, 100))]) {
    expect(counted(bytes)).toMatchObject({ Split: 1 });
    expect(counted(bytes).Slice).toBeUndefined();
  }
});

test('the numbers are the same to the bit', async () => {
  const traced = twice(SIDE, 70), wave = (n: number) => Float32Array.from({ length: n }, (_, i) => Math.sin(i) / 16);
  const feeds = { flat: new ort.Tensor('float32', wave(SIDE * SIDE + 3), [SIDE * SIDE + 3]), x: new ort.Tensor('float32', wave(SIDE), [1, SIDE]) };
  const run = async (sparing: boolean) => {
    const session = await ort.InferenceSession.create(encode(traced, { sparing }), { graphOptimizationLevel: 'basic', logSeverityLevel: 3, extra: { optimization: { disable_specified_optimizers: 'CommonSubexpressionElimination' } } });
    const { y, rest } = await session.run(feeds);
    return [y!.data, rest!.data];
  };
  expect(await run(true)).toEqual(await run(false));
});

test('a slice of an input is no copy of all of it', () => {
  const traced = program('few', { flat: f32(SIDE * SIDE) }, {}, ({ flat }) => {
    const few = slice(flat!, 0, 0, 4);
    let h = few;
    for (let i = 0; i < 100; i++) h = sin(h);
    return { outputs: { y: matmul(reshape(few, [1, 4]), reshape(h, [4, 1])) } };
  });
  expect(counted(encode(traced, { sparing: true })).Slice).toBe(1);
});
