/** @file The k nearest of a few vectors, exactly: what another search is judged by. */
import { inSlices, matmul, program, tensor, turns, type SessionHost, type TensorValue, type UnitVectors } from '../../engine/index.js';
import { Candidates } from './candidates.js';
import { emptyLists, settle, SPARE, type Lists, type Unsettled } from './distances.js';

const productProgram = (count: number, width: number) =>
  program('similarities to a sample', {}, { sample: { dtype: 'f32', dims: [count, width] }, row: { dtype: 'f32', dims: ['R', width] } }, (_, { sample, row }) => ({
    outputs: { similarity: matmul(sample, row, { transposeB: true }) },
  }));

/** Lists of the vectors at these indices, in their order. */
export async function searchSample(host: SessionHost, vectors: UnitVectors, which: Int32Array, k: number, signal: AbortSignal): Promise<Lists> {
  const { size, width } = vectors, candidates = new Candidates(which.length, Math.min(k + SPARE, size - 1)), turn = turns(signal);
  const executable = await host.compile(productProgram(which.length, width)), sample = await host.put(tensor('f32', [which.length, width], await vectors.read(which)));
  try {
    for await (const { from, data } of inSlices(vectors)) {
      const count = data.length / width, { outputs } = await executable.run({}, { sample, row: tensor('f32', [count, width], data) }), similarity = (outputs.similarity as TensorValue).data;
      for (let q = 0; q < which.length; q++) {
        for (let n = 0, at = q * count; n < count; n++, at++) if ((similarity[at] as number) > candidates.threshold(q) && from + n !== which[q]) candidates.offer(q, from + n, similarity[at] as number);
        await turn();
      }
    }
  } finally {
    host.release([sample]);
    await executable.release();
  }
  const rows = Array.from(which, (row, at): Unsettled => {
    const best = candidates.best(at);
    return { row, at, ...best, others: best.who.length === size - 1 ? Number.NEGATIVE_INFINITY : best.others };
  }), lists = emptyLists(which.length, k);
  await settle(vectors, rows, lists, signal);
  return lists;
}

/** The share of the nearest that lists of all vectors have: as near as the k-th of the exact ones counts. */
export function recall({ k, distance }: Lists, which: Int32Array, exact: Lists): number {
  let found = 0;
  which.forEach((row, at) => { for (let n = 0; n < k; n++) if (distance[row * k + n]! <= exact.distance[(at + 1) * k - 1]!) found++; });
  return found / (which.length * k);
}
