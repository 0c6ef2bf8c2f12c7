/** @file The rows of a set of features nearest to some vectors, by cosine: blocked products and top-k on the session host. */
import type { Services } from '../dataflow/context.js';
import type { Executable } from '../session/host.js';
import type { TensorValue } from '../spec/value.js';
import { div, matmul, maximum, sqrt, square, sum, topK } from '../tensor/ops/index.js';
import { program } from '../tensor/program.js';
import type { Tensor } from '../tensor/tensor.js';
import type { Features } from '../training/values.js';

export interface Nearest {
  readonly k: number;
  /** Rows [n,k], nearest first. */
  readonly index: Int32Array;
  readonly cosine: Float32Array;
}

/** Numbers of features in one product: bounds the memory, and the time that handing them over takes. */
const BLOCK = 1 << 20;

/** The `k` rows of `features` nearest to each row of `vectors` f32[n,F]. Neither need be normalised. */
export async function nearestRows(services: Services, vectors: TensorValue, features: Features, k: number): Promise<Nearest> {
  const [count = 0, width = 0] = vectors.dims, { host } = services, step = Math.max(1, Math.floor(BLOCK / width));
  const best: { index: number; cosine: number }[][] = Array.from({ length: count }, () => []);
  let compiled: { readonly size: number; readonly run: Executable } | undefined;
  try {
    for (let from = 0; from < features.size; from += step) {
      const to = Math.min(features.size, from + step), size = to - from, top = Math.min(k, size);
      if (compiled?.size !== size) {
        await compiled?.run.release();
        compiled = undefined;
        compiled = { size, run: await host.compile(nearest(count, size, width, top)) };
      }
      const block = await features.read(Int32Array.from({ length: size }, (_, i) => from + i));
      const { values, indices } = (await compiled.run.run({}, { query: vectors, block })).outputs as { values: TensorValue; indices: TensorValue };
      best.forEach((sofar, i) => {
        for (let n = i * top; n < (i + 1) * top; n++) sofar.push({ index: from + Number(indices.data[n]), cosine: values.data[n] as number });
        sofar.sort((a, b) => b.cosine - a.cosine || a.index - b.index).splice(k);
      });
      services.progress('features compared', to, features.size);
    }
  } finally {
    await compiled?.run.release();
  }
  return { k, index: Int32Array.from(best.flat(), ({ index }) => index), cosine: Float32Array.from(best.flat(), ({ cosine }) => cosine) };
}

const nearest = (count: number, size: number, width: number, top: number) =>
  program('nearest rows', {}, { query: { dtype: 'f32', dims: [count, width] }, block: { dtype: 'f32', dims: [size, width] } }, (_, { query, block }) => {
    const { values, indices } = topK(matmul(unit(query), unit(block), { transposeB: true }), top, 1);
    return { outputs: { values, indices } };
  });

/** Every row divided by its length; rows of zeros stay. */
const unit = (rows: Tensor): Tensor => div(rows, maximum(sqrt(sum(square(rows), [1], true)), 1e-12));
