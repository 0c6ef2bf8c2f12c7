/** @file How published pairs of networks are ours: the backbone and its configuration, the names of leaves, and how leaves are stored. */
import type { Backbone } from '../../../engine/training/backbone.js';
import type { Method, NetworkName } from '../../../engine/training/method.js';
import { biggan } from '../../../plugins/backbones/biggan.js';
import { dcganDeep, dcganShallow } from '../../../plugins/backbones/dcgan.js';
import { mlpMaxout } from '../../../plugins/backbones/mlp-maxout.js';
import { resnet2 } from '../../../plugins/backbones/resnet2.js';
import { sngan32, sngan48 } from '../../../plugins/backbones/sngan.js';
import { pgmgan } from '../../../plugins/pgmgan/method.js';
import { selfConditioned } from '../../../plugins/self-conditioned-gan/method.js';
import type { Fixture, Manifest } from '../fixture.js';
import { permuted, regrouped } from '../leaves.js';
import { published as bigganName, sides } from './biggan-published.js';

/** The values of a leaf in another order. */
type Reordered = (values: Float32Array) => Float32Array;
/** A leaf whose values lie in another order here than in the reference. */
interface Stored { readonly ours: Reordered; readonly theirs: Reordered }

export interface Published {
  readonly source: RegExp;
  backbone(manifest: Manifest): Backbone;
  config(manifest: Manifest): unknown;
  /** How many labels there are; a single one is no condition. */
  labels(manifest: Manifest): number;
  /** What trains them. */
  step(manifest: Manifest): { readonly method: Method; readonly options: unknown };
  /** From our leaf's path to the reference's name. */
  name(network: NetworkName, path: string): string;
  /** How a leaf that is no kernel is stored, where that differs. */
  stored?(network: NetworkName, path: string, dims: readonly number[], config: unknown): Stored | undefined;
}

const shapeIn = (tensors: Manifest['tensors'], key: string) => (tensors as readonly { key: string; shape: number[] }[]).find((t) => t.key === key)!.shape;
/** Where the reference's regulariser looks, but for points between images, whose places it does not tell. */
const REGULARISED: Readonly<Record<string, string>> = { real: 'real', fake: 'generated', real_fake: 'both' };
const selfConditionedGan: Pick<Published, 'labels' | 'step'> = {
  labels: ({ config }) => (config.nlabels === 1 ? 0 : config.nlabels),
  step({ config }) {
    const on = REGULARISED[config.reg_type as string];
    if (!on && config.reg_type !== 'none') throw new Error(`regulariser on ${config.reg_type} is not at hand`);
    return { method: selfConditioned, options: selfConditioned.options.parse({ penalty: on ? { weight: config.reg_param, on } : {} }) };
  },
};

const dcganGenerator = (path: string) =>
  path.replace(/^embedding/, 'get_latent.embedding').replace(/^seed/, 'fc').replace(/^layer(\d)\.conv/, 'conv$1').replace(/^layer(\d)\.norm/, 'bn$1.bn').replace(/^out/, 'conv_out.0');
/** Blocks count from 1 here and from 0 there. */
const resnet2Block = (path: string) => path.replace(/^stage(\d)\.block(\d)/, (_, stage, block) => `resnet_${stage - 1}_${block - 1}`).replace(/\.conv(\d)\./, (_, i) => `.conv_${i - 1}.`).replace('.shortcut.', '.conv_s.');

const PUBLISHED: readonly Published[] = [
  {
    ...selfConditionedGan, source: /2d_mix\/models\/cluster/, backbone: () => mlpMaxout,
    config: ({ config, tensors }) => ({
      type: 'mlp-maxout', latent: config.z_dim, embedding: config.embed, generator: config.g_act, discriminator: config.d_act,
      pool: shapeIn(tensors, 'D/init/fc1.lin.weight')[0]! / config.d_act,
    }),
    name: (network, path) => (network === 'generator'
      ? path.replace(/^embedding/, 'embedding.embedding').replace(/^layer(\d)\.linear/, 'fc$1.0').replace(/^layer(\d)\.norm/, 'fc$1.1').replace(/^out/, 'fc_out')
      : path.replace(/^layer(\d)\.linear/, 'fc$1.lin').replace(/^out/, 'fc4.fc')),
    // The competitors of a maxout unit lie side by side there, apart here.
    stored(network, path, [rows], config) {
      if (network !== 'discriminator' || !path.startsWith('layer')) return undefined;
      const { pool } = config as { pool: number }, units = rows! / pool;
      return { ours: (values) => regrouped(values, units, pool), theirs: (values) => regrouped(values, pool, units) };
    },
  },
  {
    ...selfConditionedGan, source: /models\/dcgan_shallow/, backbone: () => dcganShallow,
    config: ({ config }) => ({ type: 'dcgan-shallow', latent: config.z_dim, embedding: config.embed, generator: config.ngf, discriminator: config.ndf }),
    name: (network, path) => (network === 'generator' ? dcganGenerator(path)
      : path.replace(/^layer(\d)\.conv/, 'conv$1.0').replace(/^layer(\d)\.norm/, 'conv$1.1').replace(/^out/, 'fc_out.fc')),
  },
  {
    ...selfConditionedGan, source: /dcgan_deep/, backbone: () => dcganDeep,
    config: ({ config }) => ({ type: 'dcgan-deep', latent: config.z_dim, embedding: config.embed, generator: config.ngf, discriminator: config.ndf, pack: config.pack_size }),
    name: (network, path) => (network === 'generator' ? dcganGenerator(path) : path.replace(/^layer(\d)/, 'conv$1.0').replace(/^out/, 'fc_out.fc')),
  },
  {
    ...selfConditionedGan, source: /models\/resnet2/, backbone: () => resnet2,
    config: ({ config }) => ({ type: 'resnet2', latent: config.z_dim, embedding: config.embed, width: config.nfilter }),
    name: (network, path) => (network === 'generator'
      ? resnet2Block(path).replace(/^embedding/, 'get_latent.embedding').replace(/^seed/, 'fc').replace(/^out/, 'conv_img')
      : resnet2Block(path).replace(/^in/, 'conv_img').replace(/^out/, 'fc_out.fc')),
  },
  {
    source: /pgmgan.*models\/biggan/, labels: ({ config }) => config.n_classes,
    step: ({ config }) => ({ method: pgmgan, options: pgmgan.options.parse({ loss: config.gan_type, guide: { reduction: 'mean' } }) }),
    backbone({ config: { G_shared: shared, hier, resolution, bottom_width: start } }) {
      if (shared && hier && start === 4) return biggan;
      const found = shared || hier ? undefined : ({ '32 from 4': sngan32, '48 from 3': sngan48 } as Readonly<Record<string, Backbone>>)[`${resolution} from ${start}`];
      if (!found) throw new Error(`images of ${resolution} from ${start}, G_shared ${shared} and hier ${hier} are not at hand`);
      return found;
    },
    config(manifest) {
      const { config } = manifest, type = this.backbone(manifest).name, widths = { type, latent: config.dim_z, generator: config.G_ch, discriminator: config.D_ch };
      const attention = { generator: sides(config.G_attn), discriminator: sides(config.D_attn) };
      if (type === 'biggan') return { ...widths, label_embedding: config.shared_dim, attention, head: 'linear' };
      if (attention.generator.length || attention.discriminator.length) throw new Error(`${type} has no attention`);
      return widths;
    },
    name: (network, path) => bigganName(network, path).replace(/^embed(?=\.)/, 'linear_c'),
    // Tables of the norms have a row a label there; here they are linear layers of its one-hot vector.
    stored(_, path, [channels, labels], config) {
      if ((config as { type: string }).type === 'biggan' || !/norm\d\.(gain|bias)\.weight$/.test(path)) return undefined;
      return { ours: (values) => permuted(values, [labels!, channels!], [1, 0]), theirs: (values) => permuted(values, [channels!, labels!], [1, 0]) };
    },
  },
];

export const publishedOf = ({ manifest }: Fixture): Published | undefined => PUBLISHED.find(({ source }) => source.test(manifest.source));

/** How a leaf is stored: kernels are channels last here. */
export function storedAs(published: Published, network: NetworkName, path: string, dims: readonly number[], config: unknown): Stored {
  if (dims.length === 4) return { ours: (values) => permuted(values, [dims[0]!, dims[3]!, dims[1]!, dims[2]!], [0, 2, 3, 1]), theirs: (values) => permuted(values, dims, [0, 3, 1, 2]) };
  return published.stored?.(network, path, dims, config) ?? { ours: (values) => values, theirs: (values) => values };
}
