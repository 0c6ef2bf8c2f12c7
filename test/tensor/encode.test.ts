/** @file Model files: names, symbols, baked constants, and the checks before them. */
import ort from 'onnxruntime-node';
import { tensor } from '../../engine/spec/value.js';
import { grad } from '../../engine/tensor/grad.js';
import { encode } from '../../engine/tensor/onnx/encode.js';
import { evaluate } from '../../engine/tensor/evaluate.js';
import { readModel } from '../../engine/tensor/onnx/schema.js';
import * as ops from '../../engine/tensor/ops/index.js';
import { print } from '../../engine/tensor/print.js';
import { program, type Program } from '../../engine/tensor/program.js';
import { Tensor } from '../../engine/tensor/tensor.js';
import { verify } from '../../engine/tensor/verify.js';

const f32 = (...dims: (number | string)[]) => ({ dtype: 'f32', dims }) as const;
const open = (file: Uint8Array) => ort.InferenceSession.create(file, { logSeverityLevel: 3 });
const data = (dims: readonly number[], ...values: number[]) => new ort.Tensor('float32', Float32Array.from(values), dims);

/** One step of least squares, w <- w - 0.1 d/dw mean((x w - y)^2), with a counter and a constant beside it. */
const step = program('step', { w: f32(2, 1), scale: f32() }, { x: f32(3, 2), y: f32(3, 1) }, ({ w, scale }, { x, y }) => {
  const loss = ops.mean(ops.square(ops.sub(ops.matmul(x, ops.mul(w, scale)), y)));
  const [dw] = grad(loss, [w]);
  return { next: { w: ops.sub(w, ops.mul(dw!, 0.1)) }, outputs: { loss, 'same loss': ops.mul(loss, 1), input: ops.reshape(ops.transpose(ops.transpose(x)), [3, 2]) } };
});
const feeds = { w: data([2, 1], 1, -1), scale: data([], 1), x: data([3, 2], 1, 2, 3, 4, 5, 6), y: data([3, 1], 0, 0, 1) };

test('a step runs, with its names', async () => {
  const session = await open(encode(step));
  expect(session.inputNames).toEqual(['w', 'scale', 'x', 'y']);
  expect(session.outputNames).toEqual(['w.next', 'loss', 'same loss', 'input']);
  const results = await session.run(feeds);
  // Residuals are -1, -1, -2: the loss is 2, its gradient 2/3 (-1-3-10, -2-4-12).
  expect(results.loss!.data[0]).toBeCloseTo(2, 6);
  expect(results['same loss']!.data[0]).toBeCloseTo(2, 6);
  expect(results['w.next']!.data[0]).toBeCloseTo(1 + 2.8 / 3, 5);
  expect(results['w.next']!.data[1]).toBeCloseTo(-1 + 3.6 / 3, 5);
  expect([...results.input!.data as Float32Array]).toEqual([1, 2, 3, 4, 5, 6]);
});

test('results are named where they are made; only an input or a second name is copied', () => {
  const nodes = readModel(encode(step)).graph!.node!;
  expect(nodes.filter((node) => node.opType === 'Identity').map((node) => node.output![0])).toEqual(['same loss', 'input']);
  expect(nodes.some((node) => node.opType !== 'Identity' && node.output![0] === 'w.next')).toBe(true);
});

test('sparing memory, shapes of reshapes are inputs with defaults, large values are asked for in order, and the numbers are the same', async () => {
  const side = 600, wide = program('wide', { w: f32(side, side) }, { x: f32(side, side) }, ({ w }, { x }) => {
    const h = ops.tanh(ops.matmul(ops.reshape(ops.transpose(x), [side, side]), w)), loss = ops.mean(ops.square(ops.reshape(h, [-1])));
    return { next: { w: ops.sub(w, grad(loss, [w])[0]!) }, outputs: { loss } };
  });
  const graph = readModel(encode(wide, { sparing: true })).graph!, plain = readModel(encode(wide)).graph!;
  const shapes = new Set(graph.node!.filter(({ opType }) => opType === 'Reshape').map(({ input }) => input![1]!));
  expect(shapes.size).toBeGreaterThan(0);
  expect(graph.input!.map(({ name }) => name)).toEqual(['w', 'x', ...plain.initializer!.map(({ name }) => name!).filter((name) => shapes.has(name))]);
  const asked = graph.node!.filter(({ opType }) => opType === 'Size').map(({ input }) => graph.node!.findIndex(({ output }) => output!.includes(input![0]!)));
  expect(asked.length).toBeGreaterThan(2);
  expect(asked).toEqual([...asked].sort((a, b) => b - a));
  const sines = (by: number) => new ort.Tensor('float32', Float32Array.from({ length: side * side }, (_, i) => Math.sin(by * i)), [side, side]);
  const given = { w: sines(0.7), x: sines(0.3) }, runs = [];
  for (const sparing of [true, false]) {
    const session = await open(encode(wide, { sparing }));
    expect(session.inputNames).toEqual(['w', 'x']);
    runs.push(await session.run(given));
  }
  for (const name of ['w.next', 'loss']) expect(runs[0]![name]!.data).toEqual(runs[1]![name]!.data);
});

test('the file says what it is', () => {
  const { irVersion, opsetImport, metadataProps, graph } = readModel(encode(step, { metadata: { about: 'a step' } }));
  expect(irVersion).toBe(8n);
  expect(opsetImport).toEqual([{ domain: '', version: 18n }]);
  expect(metadataProps).toEqual([{ key: 'about', value: 'a step' }]);
  expect(graph!.name).toBe('step');
  expect(graph!.node!.every((node) => node.name!.startsWith('step'))).toBe(true);
});

test('a sum that a product can start from is its third operand', () => {
  const layer = program('layer', { w: f32(2, 3), b: f32(3) }, { x: f32('N', 2) }, ({ w, b }, { x }) => {
    const h = ops.matmul(x, w);
    return { outputs: { y: ops.add(h, b) } };
  });
  expect(readModel(encode(layer)).graph!.node!.map((node) => [node.opType, node.input, node.output])).toEqual([['Gemm', ['x', 'w', 'b'], ['y']]]);
});

test.each([['N', ['Conv']], [2, undefined]] as const)('a bias joins the convolution of a batch of %s, where ONNX Runtime can add it as it writes; the numbers are the same', async (batch, nodes) => {
  const layer = (side: number) => program('layer', {}, { x: f32(batch as never, 16, side, side), w: f32(3, 16, 3, 3), b: f32(3) }, (_, { x, w, b }) => ({
    outputs: { y: ops.add(ops.convolution(x, w, { padding: 1 }), ops.reshape(b, [3, 1, 1])) },
  }));
  const kinds = (side: number) => readModel(encode(layer(side))).graph!.node!.map((node) => [node.opType, node.input!.length]);
  // Small images are lowered as matrix products, whose sum stays.
  if (nodes) expect(kinds(4)).toEqual([['Conv', 3]]);
  expect(kinds(16)).toEqual([['Conv', 3]]);
  const numbers = (count: number, by: number) => Float32Array.from({ length: count }, (_, i) => Math.sin(by * i));
  for (const side of [4, 16]) {
    const feeds = { x: data([2, 16, side, side], ...numbers(32 * side ** 2, 0.7)), w: data([3, 16, 3, 3], ...numbers(432, 0.3)), b: data([3], 0.5, -1, 2) };
    const { y } = await (await open(encode(layer(side)))).run(feeds), { y: expected } = layer(side).outputs;
    const [exact] = evaluate([expected!], Object.fromEntries(Object.entries(feeds).map(([name, t]) => [name, { dims: t.dims, data: t.data as Float32Array }])));
    exact!.data.forEach((v, i) => { expect(Math.abs(Number(y!.data[i]) - v)).toBeLessThan(1e-4); });
  }
});

test('symbols stay open, through layers of every kind', async () => {
  const any = program('any', {}, { x: f32('N', 2, 3), i: { dtype: 'i64', dims: ['N'] } }, (_, { x, i }) => {
    const rows = ops.reshape(x, [-1, 6]), joined = ops.concat([rows, ops.gather(ops.constant([1, 2, 3], 'f32', [3, 1]), i!)], 1);
    const h = ops.tanh(ops.matmul(joined, ops.constant(0.5, 'f32', [7, 4])));
    return { outputs: { h: ops.max(ops.reshape(h, ['N', 2, 2]), 2), hot: ops.oneHot(i!, 3), mean: ops.mean(h, 0), turned: ops.transpose(rows) } };
  });
  const model = readModel(encode(any)).graph!;
  expect(model.input![0]!.type!.tensorType!.shape!.dim!.map((d) => d.dimParam ?? d.dimValue)).toEqual(['N', 2n, 3n]);
  const session = await open(encode(any));
  for (const n of [1, 5]) {
    const results = await session.run({ x: data([n, 2, 3], ...new Array<number>(6 * n).fill(0)), i: new ort.Tensor('int64', new BigInt64Array(n).fill(2n), [n]) });
    expect(Object.values(results).map((t) => t.dims)).toEqual([[n, 2], [n, 3], [4], [6, n]]);
    expect(results.mean!.data[0]).toBeCloseTo(Math.tanh(1.5), 6);
  }
});

test('states become constants of an exported file', async () => {
  const generator = program('generator', { w: f32(2, 2) }, { z: f32('N', 2) }, ({ w }, { z }) => ({ outputs: { image: ops.matmul(z, w) } }));
  const session = await open(encode(generator, { constants: { w: tensor('f32', [2, 2], Float32Array.of(1, 2, 3, 4)) } }));
  expect(session.inputNames).toEqual(['z']);
  expect([...(await session.run({ z: data([1, 2], 1, 1) })).image!.data as Float32Array]).toEqual([4, 6]);
  const wrong = tensor('f32', [4], new Float32Array(4));
  expect(() => encode(generator, { constants: { w: wrong } })).toThrow('generator: the value of w is f32[4]; the program wants f32[2,2]');
  expect(() => encode(step, { constants: { w: tensor('f32', [2, 1], new Float32Array(2)) } })).toThrow('state w changes, so it cannot become a constant');
});

test('large tables are scattered into without a one-hot matrix', async () => {
  const rows = 4000, picks = 1100, i64 = { dtype: 'i64', dims: [picks] } as const;
  const scatter = program('scatter', {}, { x: f32(rows, 2), i: i64, y: f32(picks, 2) }, (_, { x, i, y }) => ({ outputs: { sums: ops.scatterAdd(x, i, y) } }));
  const file = encode(scatter);
  expect(readModel(file).graph!.node!.some((node) => node.opType === 'Gemm')).toBe(false);
  const session = await open(file), index = BigInt64Array.from({ length: picks }, (_, k) => BigInt((k * 7) % 10));
  const feed = { x: data([rows, 2], ...new Array<number>(rows * 2).fill(1)), i: new ort.Tensor('int64', index, [picks]), y: data([picks, 2], ...new Array<number>(picks * 2).fill(0.5)) };
  const sums = (await session.run(feed)).sums!.data as Float32Array;
  expect([...sums.slice(0, 20)]).toEqual(new Array(20).fill(56));
  expect([...sums.slice(20)].every((v) => v === 1)).toBe(true);
});

test('a pooling whose places nobody reads has none', () => {
  const pooling = (places: boolean) => encode(program('pool', {}, { x: f32(1, 1, 4, 4) }, (_, { x }) => {
    const y = ops.maxPool(x, { kernel: 2 });
    return { outputs: { y, ...(places && { dx: grad(ops.sum(y), [x])[0]! }) } };
  }));
  const outputs = (file: Uint8Array) => readModel(file).graph!.node!.find((node) => node.opType === 'MaxPool')!.output!.length;
  expect([outputs(pooling(false)), outputs(pooling(true))]).toEqual([1, 2]);
});

test('broken programs are refused with their place', () => {
  const x = ops.input('x', f32(2)), stranger = ops.input('z', f32(2));
  const broken = (more: Partial<Program>): Program => ({ name: 'broken', inputs: { x }, state: {}, outputs: {}, ...more });
  expect(() => verify(broken({ outputs: { y: stranger } }))).toThrow('broken: z is an input of another program');
  expect(() => verify(broken({ outputs: { x: ops.neg(x) } }))).toThrow('x is the name of an input and of an output');
  expect(() => verify(broken({ state: { x: { value: x, next: x } } }))).toThrow('x is the name of two inputs or states');
  expect(() => verify(broken({ inputs: { y: x } }))).toThrow('y is called x inside');
  const outputs: Tensor[] = [], inputs = [x, ops.constant(1)];
  outputs.push(new Tensor({ op: { ...ops.add.op, infer: () => [f32(3)] }, inputs, attrs: {}, outputs, where: '' }, 0, 'f32', [2]));
  expect(() => verify(broken({ outputs: { y: outputs[0]! } }))).toThrow('add(f32[2], f32[]) gives f32[3], recorded as f32[2]');
});

test('programs print with types', () => {
  expect(print(step)).toContain('program step\ninput ');
  const small = program('small', { a: f32(2) }, { x: f32(3, 2) }, ({ a }, { x }) => ({ next: { a: ops.mean(x, 0) }, outputs: { y: ops.matmul(x, ops.reshape(ops.mul(a, 2), [1, 2]), { transposeB: true }) } }));
  expect(print(small)).toBe(['program small', 'input x:f32[3,2]', 'b:f32[2] = mean x axes=[0]', 'input a:f32[2]', 'c:f32[2] = mul a 2',
    'd:f32[1,2] = reshape c', 'e:f32[3,1] = matmul x d transposeB', 'a.next = b', 'y = e'].join('\n'));
});
