/** @file Every operator and its gradient, encoded and run by ONNX Runtime, against the float64 interpreter of the program as traced. */
import ort from 'onnxruntime-node';
import { ARRAYS } from '../../engine/spec/value.js';
import type { DType } from '../../engine/spec/tensor-type.js';
import { evaluate, type Feed } from '../../engine/tensor/evaluate.js';
import { grad } from '../../engine/tensor/grad.js';
import { encode } from '../../engine/tensor/onnx/encode.js';
import { operators } from '../../engine/tensor/ops/index.js';
import type { Tensor } from '../../engine/tensor/tensor.js';
import { seeded } from './cases/case.js';
import { cases } from './cases/index.js';
import { trace, weighed } from './cases/trace.js';

const TYPES = { f32: 'float32', f64: 'float64', i64: 'int64', i32: 'int32', u8: 'uint8', bool: 'bool' } as const;
const options = { graphOptimizationLevel: 'disabled', intraOpNumThreads: 1, interOpNumThreads: 1 } as const;

function feed(dtype: DType, { dims, data }: Feed): ort.Tensor {
  const values = dtype === 'i64' ? BigInt64Array.from(Array.from(data as Float64Array, BigInt)) : ARRAYS[dtype].from(data as Float64Array);
  return new ort.Tensor(TYPES[dtype], values as Float32Array, dims);
}

/** Encodes, runs and gives every output's elements. */
async function run(inputs: Readonly<Record<string, Tensor>>, outputs: Readonly<Record<string, Tensor>>, feeds: Readonly<Record<string, Feed>>) {
  const session = await ort.InferenceSession.create(encode({ name: 'case', inputs, state: {}, outputs }), options);
  const results = await session.run(Object.fromEntries(Object.entries(inputs).map(([name, t]) => [name, feed(t.dtype, feeds[name]!)])));
  await session.release();
  return results;
}

test.each(operators.filter((op) => op.name !== 'input').map((op) => [op.name, op] as const))('%s (seed 4)', async (_, op) => {
  const random = seeded(4);
  for (const c of cases.filter((some) => some.op === op)) {
    const { inputs, outputs, feeds, by } = trace(c, random);
    const value = weighed(outputs, random);
    const roots = [...outputs, ...(value ? grad(value, by) : [])];
    const results = await run(inputs, Object.fromEntries(roots.map((t, i) => [`output ${i}`, t])), feeds);
    evaluate(roots, feeds).forEach(({ dims, data }, i) => {
      const got = results[`output ${i}`]!, size = data.reduce((a, b) => Math.max(a, Math.abs(b)), 1);
      expect(got.dims).toEqual(dims);
      const error = Array.from(got.data as Float32Array, (v, k) => Math.abs(Number(v) - data[k]!)).reduce((a, b) => Math.max(a, b), 0);
      expect(error / size).toBeLessThan(2e-5);
    });
  }
});
