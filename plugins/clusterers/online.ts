/** @file `clusterer/online`: clusters that follow the live discriminator batch by batch (Self-Conditioned GAN, the online variant). */
import { z } from 'zod';
import {
  defineNode, fetched, int64, tensor, type Behaviour, type Clusters, type Metrics, type TensorValue, type Tensorial, type Value, type Weights,
} from '../../engine/index.js';
import { createKMeans, type Run } from './k-means.js';
import { lloydOptions, sizes } from './k-means-node.js';

const Config = z.strictObject({
  ...lloydOptions,
  burnIn: z.int().min(1).default(1000).describe('Batches between the first clustering and the second, from which on every batch moves the centres.'),
});

/** Centres f32[K,F] and how many points each has taken in since the burn-in. */
export interface RunningMeans { readonly centres: TensorValue; readonly counts: Int32Array }

/**
 * Takes a batch into running means: in order, n_c += 1 and centre_c += (f - centre_c) / n_c, for labels given beforehand.
 * Counts start at 0, so the first point of a cluster replaces its centre (MacQueen 1967).
 */
export function absorb({ centres, counts }: RunningMeans, feature: TensorValue, labels: Int32Array): RunningMeans {
  const width = centres.dims[1]!;
  const means = (centres.data as Float32Array).slice(), points = feature.data as Float32Array, taken = counts.slice();
  labels.forEach((c, i) => {
    const n = taken[c]! + 1;
    taken[c] = n;
    for (let j = 0; j < width; j++) {
      const at = c * width + j;
      means[at] = means[at]! + (points[i * width + j]! - means[at]!) / n;
    }
  });
  return { centres: tensor('f32', centres.dims, means), counts: taken };
}

/** `seen` counts batches; `labels` are the sample's, from the first clustering. */
interface State extends Partial<RunningMeans> { readonly seen: number; readonly labels?: Int32Array }

interface Inputs { readonly batch: Tensorial; readonly weights: Value; readonly feature: Tensorial }
interface Outputs { readonly clusters: Value; readonly metrics: Value; readonly label: Tensorial }

export const online = defineNode({
  name: 'clusterer/online',
  about: 'k-means once, again from its labels after the burn-in, then running means of the batches\' own features.',
  config: Config,
  // `batch` and `weights`: features of the current batch and the live networks they came from. `feature`: features of the sample, fresh in the first batch and at the burn-in.
  inputs: { batch: 'f32[B,F]', weights: '@weights[...S]', feature: { latest: 'f32[N,F]' } },
  outputs: { clusters: '@clusters[K,...S]', metrics: '@metrics', label: 'i64<K>[B]' },
  dims: ({ k }) => ({ K: k }),
  start(options, { services }): Behaviour<State, Inputs, Outputs> {
    const { k, burnIn } = options;
    const engine = createKMeans(services.host);
    return {
      state: { seen: 0 },
      async step(state, { batch, weights, feature }, wave) {
        const run: Run = { random: wave.random, signal: wave.signal, progress: (done, total) => services.progress(`${wave.node}: k-means`, done, total) };
        let { centres, counts = new Int32Array(k), labels } = state;
        if (!centres || !labels) {
          const found = await engine.fit(feature, options, run);
          ({ centres, labels } = found);
        } else if (state.seen === burnIn) {
          ({ centres } = await engine.refine(feature, await engine.means(feature, labels, k, run), options, run));
        }
        const label = await engine.assign(batch, centres);
        if (state.seen > burnIn) {
          ({ centres, counts } = absorb({ centres, counts }, await fetched(services, batch), label));
        }
        const mapping = Int32Array.from({ length: k }, (_, i) => i);
        // Up to the burn-in the sample says how large clusters are, afterwards the batches do.
        const known = state.seen > burnIn ? counts : sizes(labels, k);
        const clusters: Clusters = { weights: weights as Weights, centres, mapping: int64(mapping), counts: int64(known) };
        const metrics: Metrics = { smallest: known.reduce((a, b) => Math.min(a, b)), empty: known.filter((n) => n === 0).length };
        return { state: { seen: state.seen + 1, centres, counts, labels }, outputs: { clusters, metrics, label: int64(label) } };
      },
      close: () => engine.close(),
    };
  },
});
