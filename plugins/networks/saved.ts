/** @file `networks/saved`: the networks of another run, as one of its checkpoints has them. */
import { z } from 'zod';
import { defineNode, exists, inputError, savedOutput, type Clusters, type Services, type Weights } from '../../engine/index.js';

const count = z.int().positive(), STATED = 'Wanted only of a graph that is to compose where the run is not yet.';
const output = z.string().regex(/^[^.]+\.[^.]+$/);
const Config = z.strictObject({
  run: z.string().min(1).describe('the folder of a run'),
  waves: count.optional().describe('the checkpoint after so many waves; the newest unless given. A run keeps its last few: its option --keep says how many'),
  weights: output.default('train.weights').describe('what gives the weights in that run'),
  clusters: output.optional().describe('what gives clusters in that run, where they are wanted, too: clusters.clusters'),
  image: z.tuple([count, count, count]).optional().describe(`channels, rows and columns of its images. ${STATED}`),
  k: count.optional().describe(`how many clusters it has. ${STATED}`),
});
type Settings = z.infer<typeof Config>;

/** What the checkpoint holds; without `host`, all but the tensors that live there. */
async function read({ run, waves, weights, clusters }: Settings, { resolve, host }: Services, whole: boolean): Promise<{ readonly weights: Weights; readonly clusters?: Clusters }> {
  const value = (named: string) => savedOutput({ run: resolve(run), waves, output: named }, whole ? host : undefined);
  const found = await value(weights) as Partial<Weights>;
  if (found.networks?.image.length !== 3) throw inputError(run, `${weights} is no pair of networks for images of channels, rows and columns`);
  return { weights: found as Weights, ...(clusters && { clusters: await value(clusters) as Clusters }) };
}

export const savedNetworks = defineNode({
  name: 'networks/saved',
  about: 'The networks of another run, finished or not, as its newest checkpoint or an earlier one has them; the clusters of its images, too.',
  config: Config,
  inputs: {},
  outputs: ({ clusters }) => ({ weights: '@weights[C,H,W]', ...(clusters && { clusters: '@clusters[K,C,H,W]' }) } as { readonly weights: '@weights[C,H,W]'; readonly clusters: '@clusters[K,C,H,W]' }),
  async dims(config, services): Promise<Readonly<Record<string, number>>> {
    const { run, image: stated, k } = config;
    const there = await exists(services.resolve(run)), found = there || !stated ? await read(config, services, false) : undefined;
    const image = found?.weights.networks.image ?? stated!, clusters = found ? found.clusters?.centres.dims[0] : k;
    if (stated?.some((size, axis) => size !== image[axis])) throw inputError(run, `its images are [${image}]; "image" says [${stated}]`);
    if (k !== undefined && clusters !== undefined && k !== clusters) throw inputError(run, `it has ${clusters} clusters; "k" says ${k}`);
    const [C, H, W] = image as readonly [number, number, number];
    return { C, H, W, ...(clusters !== undefined && { K: clusters }) };
  },
  async start(config, { services }) {
    const outputs = await read(config, services, true);
    return { state: {}, initial: () => outputs, step: (state) => ({ state, outputs: {} }) };
  },
});
