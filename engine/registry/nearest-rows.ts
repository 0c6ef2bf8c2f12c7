/** @file The rows of a set of features nearest to some vectors, by cosine: blocked products and top-k on the session host. */
import type { Services } from '../dataflow/context.js';
import { tensor, type TensorValue } from '../spec/value.js';
import { matmul, topK } from '../tensor/ops/index.js';
import { program } from '../tensor/program.js';
import type { Features } from '../training/values.js';

export interface Nearest {
  readonly k: number;
  /** Rows [n,k], nearest first. */
  readonly index: Int32Array;
  readonly cosine: Float32Array;
}

/** Rows of features in one product; bounds the memory. */
const BLOCK = 4096;

/** The `k` rows of `features` nearest to each row of `vectors` f32[n,F]. Neither need be normalised. */
export async function nearestRows(services: Services, vectors: TensorValue, features: Features, k: number): Promise<Nearest> {
  const [count = 0, width = 0] = vectors.dims, { host } = services, query = unit(vectors);
  const best: { index: number; cosine: number }[][] = Array.from({ length: count }, () => []);
  for (let from = 0; from < features.size; from += BLOCK) {
    const to = Math.min(features.size, from + BLOCK), size = to - from, top = Math.min(k, size);
    const block = unit(await features.read(Int32Array.from({ length: size }, (_, i) => from + i)));
    const run = await host.compile(program('nearest rows', {}, { query: { dtype: 'f32', dims: [count, width] }, block: { dtype: 'f32', dims: [size, width] } }, (_, { query, block }) => {
      const { values, indices } = topK(matmul(query, block, { transposeB: true }), top, 1);
      return { outputs: { values, indices } };
    }));
    const { values, indices } = (await run.run({}, { query, block })).outputs as { values: TensorValue; indices: TensorValue };
    await run.release();
    best.forEach((sofar, i) => {
      for (let n = i * top; n < (i + 1) * top; n++) sofar.push({ index: from + Number(indices.data[n]), cosine: values.data[n] as number });
      sofar.sort((a, b) => b.cosine - a.cosine || a.index - b.index).splice(k);
    });
    services.progress('features compared', to, features.size);
  }
  return { k, index: Int32Array.from(best.flat(), ({ index }) => index), cosine: Float32Array.from(best.flat(), ({ cosine }) => cosine) };
}

/** Every row divided by its length. */
function unit({ dims, data }: TensorValue): TensorValue {
  const width = dims[1]!, out = Float32Array.from(data as Float32Array);
  for (let from = 0; from < out.length; from += width) {
    const length = Math.sqrt(out.subarray(from, from + width).reduce((sum, v) => sum + v * v, 0)) || 1;
    for (let i = from; i < from + width; i++) out[i] = out[i]! / length;
  }
  return tensor('f32', dims, out);
}
