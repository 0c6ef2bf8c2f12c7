/** @file `instances/k-means` and `instances/random`: the few images that stand for a data set, by which IC-GAN trains or samples. */
import { z } from 'zod';
import {
  defineNode, inputError, inSlices, int64, tensor, turns, unitVectors, type Behaviour, type Features, type Metrics, type SessionHost, type TensorValue, type Tensorial, type UnitVectors, type Value,
} from '../../engine/index.js';
import { floats, int32 } from './calls.js';
import { createKMeans, type Run } from './k-means.js';
import { closestProgram } from './k-means-programs.js';

interface Inputs { readonly features: Value }
interface Outputs { readonly indices: Tensorial; readonly metrics?: Value }

const count = z.int().min(1).default(1000).describe('instances');

/** There must be as many images. */
function requireSome(node: string, wanted: number, { size }: Features): void {
  if (wanted > size) throw inputError(`nodes.${node}.config.count`, `${wanted} instances are wanted; there are ${size} images`, { try: `${size} or less` });
}

/** The rows at these indices, read in slices. */
async function gathered({ width, read }: UnitVectors, indices: Int32Array, signal: AbortSignal): Promise<TensorValue> {
  const data = new Float32Array(indices.length * width), rows = Math.max(1, Math.floor((1 << 18) / width)), turn = turns(signal);
  for (let from = 0; from < indices.length; from += rows) {
    data.set(await read(indices.slice(from, from + rows)), from * width);
    await turn();
  }
  return tensor('f32', [indices.length, width], data);
}

/** The vector nearest to each centre; the lower index if equal. */
async function closest(host: SessionHost, vectors: UnitVectors, centres: TensorValue, signal: AbortSignal): Promise<Int32Array> {
  const [k = 0, width = 0] = centres.dims, best = new Float32Array(k).fill(Number.NEGATIVE_INFINITY), index = new Int32Array(k);
  const executable = await host.compile(closestProgram(k, width)), centre = await host.put(centres);
  try {
    for await (const { from, data } of inSlices(vectors)) {
      signal.throwIfAborted();
      const { outputs } = await executable.run({}, { centre, row: tensor('f32', [data.length / width, width], data) }), at = int32(outputs.index);
      floats(outputs.similarity).forEach((value, c) => {
        if (value <= best[c]!) return;
        best[c] = value;
        index[c] = from + at[c]!;
      });
    }
  } finally {
    host.release([centre]);
    await executable.release();
  }
  return index;
}

/** Kept in checkpoints: a resumed run has its instances. */
interface State { readonly key?: string }

export const kMeansInstances = defineNode({
  name: 'instances/k-means',
  about: 'The images nearest to the centres of as many clusters of the vectors, one for each: the instances that IC-GAN\'s paper samples from.',
  config: z.strictObject({
    count,
    restarts: z.int().min(1).default(1).describe('k-means++ starts of which the best is kept'),
    iterations: z.int().min(1).default(100).describe('Lloyd iterations at most'),
    tolerance: z.number().min(0).default(0).describe('stop when the centres\' summed squared shift is at most this times the mean variance of a feature'),
    perCluster: z.int().min(1).default(256).describe('vectors a cluster that centres are computed from; a random sample, if there are more'),
  }),
  inputs: { features: { latest: '@features[M,F]' } },
  outputs: { indices: 'i64[I]', metrics: '@metrics' },
  dims: (config) => ({ I: config.count }),
  start({ count: k, perCluster, ...options }, { services: { host } }): Behaviour<State, Inputs, Outputs> {
    return {
      state: {},
      async step(state, inputs, { node, random, signal, services }) {
        const features = inputs.features as Features;
        if (state.key === features.key) return { state, outputs: {} };
        requireSome(node, k, features);
        const vectors = await unitVectors(features, 0, `nodes.${node}.in.features`, signal), wanted = Math.min(features.size, perCluster * k);
        const sample = random('sample').permutation(features.size).subarray(0, wanted);
        const kMeans = createKMeans(host), run: Run = { random, signal, progress: (done, total) => services.progress(`${node}: k-means`, done, total) };
        try {
          const { centres, inertia, iterations } = await kMeans.fit(await gathered(vectors, sample, signal), { k, ...options }, run);
          const index = await closest(host, vectors, centres, signal);
          const metrics: Metrics = { inertia, iterations, distinct: new Set(index).size };
          return { state: { key: features.key }, outputs: { indices: int64(index), metrics } };
        } finally { await kMeans.close(); }
      },
    };
  },
});

export const randomInstances = defineNode({
  name: 'instances/random',
  about: 'Images drawn once, without replacement.',
  config: z.strictObject({ count }),
  inputs: { features: { latest: '@features[M,F]' } },
  outputs: { indices: 'i64[I]' },
  dims: (config) => ({ I: config.count }),
  start: ({ count: wanted }, { random }): Behaviour<State, Inputs, Outputs> => ({
    state: {},
    step(state, inputs, { node }) {
      const features = inputs.features as Features;
      if (state.key === features.key) return { state, outputs: {} };
      requireSome(node, wanted, features);
      return { state: { key: features.key }, outputs: { indices: int64(random('instances').permutation(features.size).subarray(0, wanted).sort()) } };
    },
  }),
});
