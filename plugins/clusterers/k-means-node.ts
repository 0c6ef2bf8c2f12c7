/** @file `clusterer/k-means`: partitions a fixed sample by its features, again and again, keeping labels stable (Self-Conditioned GAN, section 3.2). */
import { z } from 'zod';
import {
  defineNode, fetched, inputError, int64, rowsAt, type Behaviour, type Clusters, type Metrics, type Services, type TensorValue, type Tensorial, type Value, type Weights,
} from '../../engine/index.js';
import { int32 } from './calls.js';
import { createKMeans, type Clustering, type KMeans, type Run } from './k-means.js';
import { match } from './match.js';

/** What every k-means here is told. */
export const lloydOptions = {
  k: z.int().min(1).describe('Number of clusters.'),
  restarts: z.int().min(1).default(10).describe('k-means++ starts of which the best is kept.'),
  iterations: z.int().min(1).default(300).describe('Lloyd iterations at most.'),
  tolerance: z.number().min(0).default(1e-4).describe('Stop when the centres\' summed squared shift is at most this times the mean variance of a feature.'),
};

const Config = z.strictObject({
  ...lloydOptions,
  warm: z.boolean().default(true).describe('Recluster from the means of the old labels in the new feature space, instead of k-means++.'),
  match: z.boolean().default(true).describe('Name new clusters after the old ones they overlap most (Hungarian).'),
  initialisation: z.enum(['k-means++', 'labels']).default('k-means++').describe('"labels": the first partition is the `label` input.'),
});
type Options = z.infer<typeof Config>;

interface Inputs { readonly feature: Tensorial; readonly weights?: Value; readonly label?: Tensorial }
interface Outputs { readonly clusters?: Value; readonly metrics: Value; readonly label: Tensorial; readonly centres: Tensorial }

/** What a clustering leaves behind for the next one. */
export interface Partition {
  /** Label of each point of the sample. */
  readonly labels: Int32Array;
  /** f32[K,F]. */
  readonly centres: TensorValue;
  /** Label of each centre. */
  readonly mapping: Int32Array;
}
/** `round` counts clusterings. */
export interface KMeansState extends Partial<Partition> { readonly round: number }

export interface Reclustering extends Partition { readonly found: Pick<Clustering, 'inertia' | 'iterations'> }

const identity = (k: number) => Int32Array.from({ length: k }, (_, i) => i);

/** The first partition of a sample: k-means++, or given labels with their means as centres. */
export async function cluster(kMeans: KMeans, feature: Tensorial, options: Options, given: Int32Array | undefined, run: Run): Promise<Reclustering> {
  if (!given) {
    const found = await kMeans.fit(feature, options, run);
    return { labels: found.labels, centres: found.centres, mapping: identity(options.k), found };
  }
  const centres = await kMeans.means(feature, given, options.k, run);
  return { labels: given, centres, mapping: identity(options.k), found: { inertia: Number.NaN, iterations: 0 } };
}

/** The next partition of the same sample: features of the same points, labels of the last partition (section 1.5, a to e). */
export async function recluster(kMeans: KMeans, feature: Tensorial, old: Int32Array, options: Options, run: Run): Promise<Reclustering> {
  const found = options.warm
    ? await kMeans.refine(feature, await kMeans.means(feature, old, options.k, run), options, run)
    : await kMeans.fit(feature, options, run);
  const mapping = options.match ? match(found.labels, old, options.k) : identity(options.k);
  return { labels: found.labels.map((c) => mapping[c]!), centres: found.centres, mapping, found };
}

/** Points of each label. */
export function sizes(labels: Int32Array, k: number): Int32Array {
  const counts = new Int32Array(k);
  for (const label of labels) counts[label]! += 1;
  return counts;
}

/** The share of points whose label was another one before. */
export const drift = (labels: Int32Array, before: Int32Array): number => labels.filter((c, i) => c !== before[i]).length / labels.length;

export const kMeans = defineNode({
  name: 'clusterer/k-means',
  about: 'k-means on the features of a fixed sample; each later clustering starts from the last one and keeps its labels.',
  config: Config,
  inputs: { feature: 'f32[N,F]', 'weights?': '@weights[...S]', 'label?': 'i64[N]' },
  outputs: { clusters: '@clusters[K,...S]', metrics: '@metrics', label: 'i64<K>[N]', centres: 'f32[K,F]' },
  dims: ({ k }) => ({ K: k }),
  start(options, { services }): Behaviour<KMeansState, Inputs, Outputs> {
    const { k } = options;
    const engine = createKMeans(services.host);
    return {
      state: { round: 0 },
      async step(state, { feature, weights, label }, wave) {
        const run: Run = { random: wave.random, signal: wave.signal, progress: (done, total) => services.progress(`${wave.node}: k-means`, done, total) };
        if (feature.dims[0]! < k) throw inputError(`node "${wave.node}"`, `its sample has ${feature.dims[0]} points; at least k = ${k} are wanted`);
        if (state.labels && state.labels.length !== feature.dims[0])
          throw inputError(`node "${wave.node}"`, `its sample has ${feature.dims[0]} points, and had ${state.labels.length}; the same sample is wanted each time`);
        const given = options.initialisation === 'labels' && !state.labels ? await givenLabels(label, k, wave.node, services) : undefined;
        const next = state.labels
          ? await recluster(engine, feature, state.labels, options, run)
          : await cluster(engine, feature, options, given, run);
        const counts = sizes(next.labels, k);
        // Without networks there is nothing that could give features of other images, and so no clusters to put them in.
        const clusters: Clusters | undefined = weights === undefined ? undefined : { weights: weights as Weights, centres: next.centres, mapping: int64(next.mapping), counts: int64(counts) };
        const metrics: Metrics = {
          ...(Number.isFinite(next.found.inertia) ? { inertia: next.found.inertia, iterations: next.found.iterations } : {}),
          ...(state.labels ? { moved: drift(next.labels, state.labels) } : {}),
          smallest: counts.reduce((a, b) => Math.min(a, b)),
          empty: counts.filter((count) => count === 0).length,
        };
        const { labels, centres, mapping } = next;
        return {
          state: { round: state.round + 1, labels, centres, mapping },
          outputs: { ...(clusters && { clusters }), metrics, label: int64(labels), centres: byLabel(centres, mapping) },
        };
      },
      close: () => engine.close(),
    };
  },
});

/** Centres in the order of the labels that they go by. */
function byLabel(centres: TensorValue, mapping: Int32Array): TensorValue {
  const at = new Int32Array(mapping.length);
  for (const [i, label] of mapping.entries()) at[label] = i;
  return rowsAt(centres, at);
}

/** The labels of the supervised initialisation, checked. */
async function givenLabels(label: Tensorial | undefined, k: number, node: string, services: Services): Promise<Int32Array> {
  if (!label) throw inputError(`nodes.${node}.in.label`, 'it is not wired; labels of the sample are wanted: "initialisation" is "labels"');
  const labels = int32(await fetched(services, label));
  const stray = labels.find((c) => c < 0 || c >= k);
  if (stray !== undefined) throw inputError(`nodes.${node}.in.label`, `it has label ${stray}; labels below k = ${k} are wanted`);
  return labels;
}
