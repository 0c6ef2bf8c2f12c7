/** @file Drawn photos of five colours' worth of squares, a model that sees colours, and IC-GAN's graphs made small on them. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encode as encodePng } from 'fast-png';
import type { Graph } from '../../engine/dataflow/graph.js';
import { keyedRandom } from '../../engine/session/keyed-random.js';
import { encode } from '../../engine/tensor/onnx/encode.js';
import { averagePool, flatten, input } from '../../engine/tensor/ops/index.js';

export interface Squares { readonly folder: string; readonly photos: string; readonly list: string; readonly model: string; remove(): void }

/** 40 photos of 32 x 32 in five classes, a long-tailed list of them, and a model of 48 features: the colours of 4 x 4 places. */
export function drawSquares(seed: number): Squares {
  const folder = mkdtempSync(join(tmpdir(), 'gantry-squares-')), photos = join(folder, 'photos'), list = join(folder, 'list.txt'), model = join(folder, 'places.onnx');
  const colours = keyedRandom(seed, 'photos', 0, 'colours').integers(3 * 5 * 8, 256), lines: string[] = [];
  for (let c = 0; c < 5; c++) {
    mkdirSync(join(photos, `class-${c}`), { recursive: true });
    for (let i = 0; i < 8; i++) {
      const data = new Uint8Array(3 * 32 * 32).map((_, p) => colours[(8 * c + i) * 3 + (p % 3)]! ^ (p >> 9));
      writeFileSync(join(photos, `class-${c}/${i}.png`), encodePng({ width: 32, height: 32, channels: 3, depth: 8, data }));
      if (i < 8 - c) lines.push(`class-${c}/${i}.png ${c}`);
    }
  }
  writeFileSync(list, `${lines.join('\n')}\n`);
  const image = input('image', { dtype: 'f32', dims: ['N', 3, 32, 32] });
  writeFileSync(model, encode({ name: 'places', inputs: { image }, state: {}, outputs: { feature: flatten(averagePool(image, { kernel: 8 })) } }));
  return { folder, photos, list, model, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

type Config = Readonly<Record<string, unknown>>;

/** The graph on the drawn photos, with few of everything. */
export function small({ nodes, ...graph }: Graph, { photos, list, model }: Squares): Graph {
  const changed = (type: string, config: Config): Config => {
    switch (type) {
      case 'data/image-folder': return { ...config, path: photos, resolution: 32, batch: 8, ...(config.classes === undefined ? {} : { classes: Math.max(5, config.classes as number) }), ...(config.list ? { list } : {}) };
      case 'extractor/onnx': return { model, flips: config.flips ?? false };
      case 'extractor/images': return { model };
      case 'neighbours/exact': return { ...config, k: 6 };
      case 'instances/k-means': case 'instances/random': return { count: 4 };
      case 'cadence/every': return { ...config, waves: 2 };
      case 'data/draw': return { count: 20 };
      case 'ic-gan/sheet': return { instances: 2, samples: 2 };
      case 'train/ic-gan': {
        const { accumulate: _, ...rest } = config as { accumulate?: number };
        return { ...rest, backbone: { type: 'biggan', latent: 8, generator: 2, discriminator: 2, label_embedding: 4, vector_embedding: 4 } };
      }
      default: return config;
    }
  };
  return { ...graph, nodes: Object.fromEntries(Object.entries(nodes).map(([id, node]) => [id, { ...node, config: changed(node.type as string, (node.config ?? {}) as Config) }])) };
}
