/** @file How IC-GAN's published BigGAN is ours: its configuration, the names of leaves, kernels channels first, and its stored draws of DiffAugment. */
import type { AugmentationPolicy } from '../../../engine/training/augment.js';
import type { NetworkName } from '../../../engine/training/method.js';
import type { Networks } from '../../../engine/training/values.js';
import { biggan } from '../../../plugins/backbones/biggan.js';
import type { Fixture } from '../fixture.js';
import { permuted } from '../leaves.js';

export const LETTER: Readonly<Record<NetworkName, 'G' | 'D'>> = { generator: 'G', discriminator: 'D' };

/** Options that the published code has and ours does not, with the values that all its configurations give them. */
const FIXED: Readonly<Record<string, unknown>> = {
  hier: true, G_shared: true, G_shared_feat: true, G_param: 'SN', D_param: 'SN', num_G_SVs: 1, num_D_SVs: 1, num_G_SV_itrs: 1, num_D_SV_itrs: 1, SN_eps: 1e-6, BN_eps: 1e-5,
  bottom_width: 4, toggle_grads: true, split_D: false, cross_replica: false, mybn: false, norm_style: 'bn', D_wide: true,
};

export const sides = (attention: string) => attention.split('_').map(Number).filter((side) => side > 0);

export function networksOf({ manifest: { config }, arrays }: Fixture): Networks {
  for (const [name, value] of Object.entries(FIXED)) if (name in config && config[name] !== value) throw new Error(`${name} ${config[name]} is not at hand`);
  const image = arrays.get('in/x')!.dims.slice(1);
  const settings = {
    type: 'biggan', latent: config.dim_z, generator: config.G_ch, discriminator: config.D_ch, label_embedding: config.shared_dim, vector_embedding: config.shared_dim_feat,
    attention: { generator: sides(config.G_attn), discriminator: sides(config.D_attn) }, unconditional: 'none',
  };
  const parsed = biggan.config.parse(settings);
  return {
    backbone: 'biggan', config: parsed, image, latent: biggan.latent(parsed, image),
    condition: { labels: config.class_cond ? config.n_classes : 0, width: config.instance_cond ? config.instance_sz : 0 },
  };
}

const MODULES: Readonly<Record<NetworkName, Readonly<Record<string, string>>>> = {
  generator: { label: 'shared', vector: 'shared_feat', seed: 'linear', 'out.norm': 'output_layer.0', 'out.conv': 'output_layer.2' },
  discriminator: { label: 'embed', vector: 'linear_feat', score: 'linear' },
};
/** Names of leaves and layers that differ. */
export const PARTS: Readonly<Record<string, string>> = { shortcut: 'conv_sc', norm1: 'bn1', norm2: 'bn2', u: 'u0', sigma: 'sv0', running_mean: 'stored_mean', running_var: 'stored_var' };

/** The published name of a module or a leaf of ours. */
export function published(network: NetworkName, path: string): string {
  const block = /^(block|attention)(\d+)\.?(.*)$/.exec(path);
  const [head, rest] = block
    ? [`blocks.${Number(block[2]) - 1}.${block[1] === 'block' ? 0 : 1}`, block[3]!]
    : Object.entries(MODULES[network]).filter(([ours]) => path === ours || path.startsWith(`${ours}.`)).map(([ours, theirs]) => [theirs, path.slice(ours.length + 1)] as const)[0]!;
  // The affine output norm calls its factor a gain; every other weight is one.
  const parts = rest.split('.').filter(Boolean).map((part) => (head === 'output_layer.0' && part === 'weight' ? 'gain' : PARTS[part] ?? part));
  return [head, ...parts].join('.');
}

/** A leaf of the published networks in our order, and back: kernels are channels last here. */
export const ours = (values: Float32Array, dims: readonly number[]): Float32Array =>
  dims.length === 4 ? permuted(values, [dims[0]!, dims[3]!, dims[1]!, dims[2]!], [0, 2, 3, 1]) : values;
export const theirs = (values: Float32Array, dims: readonly number[]): Float32Array => (dims.length === 4 ? permuted(values, dims, [0, 3, 1, 2]) : values);

/** The policies of DiffAugment by their published names: ours, their draws in the order in which they are made, and how an integer draw in an image of n becomes a uniform number. */
const POLICIES: Readonly<Record<string, { readonly ours: AugmentationPolicy; readonly draws: readonly string[]; uniform(draw: number, n: number): number }>> = {
  translation: {
    ours: 'translation', draws: ['rows', 'columns'],
    uniform(shift, n) { const most = Math.floor(n / 8 + 0.5); return (shift + most + 0.5) / (2 * most + 1); },
  },
  cutout: { ours: 'cutout', draws: ['rows', 'columns'], uniform: (offset, n) => (offset + 0.5) / (n + 1 - (Math.floor(n / 2 + 0.5) % 2)) },
  color: { ours: 'colour', draws: ['brightness', 'saturation', 'contrast'], uniform: (u) => u },
};
const named = (names: string) => names.split(',').filter(Boolean).map((name) => POLICIES[name]!);
export const policiesOf = (names: string): readonly AugmentationPolicy[] => named(names).map((policy) => policy.ours);

/** The draws of one call of DiffAugment as uniform numbers, by `<policy> <draw>`; `next` gives the stored draws one after the other. */
export const drawsOf = (names: string, side: number, next: () => ArrayLike<number | bigint>): Readonly<Record<string, readonly number[]>> =>
  Object.fromEntries(named(names).flatMap(({ ours: policy, draws, uniform }) => draws.map((draw) => [`${policy} ${draw}`, Array.from(next(), (v) => uniform(Number(v), side))])));
