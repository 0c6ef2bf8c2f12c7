/** @file The same graph with small sizes, by node type: what a test runs where a person would run the graph itself. */
import type { Graph, GraphNode } from '../../engine/dataflow/graph.js';

type Config = Readonly<Record<string, unknown>>;

const few = (k: unknown) => Math.min(10, k as number);
const BACKBONES: Readonly<Record<string, Config>> = {
  'mlp-maxout': { generator: 8, discriminator: 6, pool: 2, embedding: 4 },
  'dcgan-shallow': { latent: 6, embedding: 4, generator: 4, discriminator: 4 },
  'dcgan-deep': { latent: 6, embedding: 4, generator: 4, discriminator: 4 },
};

/** Of four features. */
export const ENCODER = { type: 'resnet-small', width: 4, blocks: [1] };

function narrow({ backbone }: Config): Config {
  const { type, pack } = backbone as { readonly type: string; readonly pack?: number };
  return { backbone: { type, ...BACKBONES[type], ...(pack && { pack }) } };
}

/** What becomes smaller, by node type; `sample` is how many images are clustered. A type that is not here stays as it is. */
const SIZES: Readonly<Record<string, (config: Config, sample: number) => Config>> = {
  'data/mixture': () => ({ points: 500, batch: 24 }),
  'data/stacked-digits': (_config, sample) => ({ count: 2 * sample, batch: 12, resolution: 16, split: 'test' }),
  'data/cifar': () => ({ batch: 12 }),
  'data/draw': () => ({ count: 60 }),
  // What begins after thousands of waves begins at once.
  'cadence/every': ({ from }) => ({ waves: 2, ...(from !== undefined && { from: 0 }) }),
  'networks/probe': (_config, sample) => ({ images: sample, batch: Math.ceil(0.6 * sample) }),
  'networks/cluster-pages': () => ({ real: 2, samples: 2, rows: 4 }),
  'networks/generate': ({ latent }) => ({ batch: 40, ...(latent !== undefined && { latent: 6 }) }),
  'networks/saved': ({ k }) => ({ image: [3, 16, 16], ...(k !== undefined && { k: few(k) }) }),
  // True classes as the first clusters: as many clusters as classes.
  'clusterer/k-means': ({ k, initialisation }) => ({ restarts: 2, ...(initialisation !== 'labels' && { k: few(k) }) }),
  'clusterer/online': ({ k }) => ({ restarts: 2, k: few(k), burnIn: 2 }),
  'label/uniform': ({ k }) => ({ k: few(k) }),
  'partition/batches': () => ({ batch: 20 }),
  'train/classifier': ({ parts }) => ({ parts: few(parts) }),
  'train/autoencoder': () => ({ encoder: ENCODER, parts: 4 }),
  'train/inverter': () => ({ encoder: { type: 'strided', width: 4, layers: 2 } }),
  'inversion/invert': () => ({ steps: 4, batch: 40 }),
  'train/rotation': () => ({ encoder: ENCODER }),
  'train/self-conditioned': narrow,
  'train/pgmgan': narrow,
};

/** As many images as clusters, and a hundred at least. */
function sampleOf({ nodes }: Graph): number {
  const given = Object.values(nodes).map(({ config }) => config as Config | undefined).filter((config) => config?.initialisation === 'labels');
  return Math.max(100, ...given.map((config) => config!.k as number));
}

/** The graph made small, then `more` settings by node. */
export function reduced(graph: Graph, more: Readonly<Record<string, Config>> = {}): Graph {
  const sample = sampleOf(graph);
  const small = (id: string, { config = {}, ...node }: GraphNode): GraphNode =>
    ({ ...node, config: { ...(config as Config), ...SIZES[node.type as string]?.(config as Config, sample), ...more[id] } });
  return { ...graph, nodes: Object.fromEntries(Object.entries(graph.nodes).map(([id, node]) => [id, small(id, node)])) };
}
