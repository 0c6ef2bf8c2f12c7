/**
 * @file The Lipschitz partitioner: every block and its normalised weights, logits, the guide and its gradient, one training pass over anchors and one over their
 * neighbours with the gradient of SCAN's objective, and what theorem 3 needs of the trunk.
 */
import type { TensorValue } from '../../../engine/spec/value.js';
import { grad } from '../../../engine/tensor/grad.js';
import { argMax, log, maximum, mean, mul, neg, softmax, sub, sum } from '../../../engine/tensor/ops/index.js';
import { program } from '../../../engine/tensor/program.js';
import { bind, sizeOf, type Layout, type Leaf } from '../../../engine/tensor/scope.js';
import { softSpectralNorm } from '../../../engine/tensor/spectral.js';
import type { Tensor } from '../../../engine/tensor/tensor.js';
import { partitionerFunction } from '../../../engine/training/encoder.js';
import { lipschitzResnet, residualTrunk, type LipschitzConfig } from '../../../plugins/partitioners/lipschitz-resnet.js';
import { scalarTolerance, tolerances } from '../comparison.js';
import type { Fixture, Kind } from '../fixture.js';
import { compareTheorem, imagesOf } from './lipschitz-theorem.js';
import { checking, compareLeaves, flatOf, guideOf, guidesOf, runOnce } from './partitioner-parts.js';

export const lipschitzConfigOf = (config: Fixture['manifest']['config']): LipschitzConfig => {
  if (config.init_ds !== 1 || !config.actnorm) throw new Error('a network that squeezes first, or without ActNorm, is not at hand');
  return lipschitzResnet.config.parse({
    type: 'lipschitz-resnet', blocks: config.nBlocks, strides: config.nStrides, channels: config.nChannels, padding: config.inj_pad ?? 0, coefficient: config.coeff, iterations: config.n_power_iter, features: config.dim,
  });
};

/** The reference's name of a leaf of ours: its blocks are counted from 0, its branches are lists that begin with an ELU (but for the first). ActNorm's offsets have none. */
export function lipschitzName({ path }: Leaf): string | undefined {
  const inBlock = /^trunk\.block(\d+)\.(norm|conv(\d))\.(\w+)$/.exec(path);
  if (!inBlock) return path.replace(/^trunk\.norm/, 'backbone.bn1').replace(/^trunk\.out/, 'backbone.logits').replace(/^head/, 'cluster_head.0');
  const [, number, part, convolution, leaf] = inBlock, block = Number(number) - 1, at = `backbone.stack.${block}`;
  if (part === 'norm') return /^(log_scale|shift)$/.test(leaf!) ? `${at}.actnorm._${leaf}` : undefined;
  const NAMES: Readonly<Record<string, string>> = { weight: 'weight_orig', bias: 'bias' };
  return `${at}.bottleneck_block.${2 * (Number(convolution) - 1) + (block ? 1 : 0)}.${NAMES[leaf!] ?? `weight_${leaf}`}`;
}

/**
 * The state of a partitioner from the reference's leaves by name. It is given after ActNorm's first batch, which is in what the reference calls parameters: what our
 * first batch would have set is 0.
 */
export function lipschitzState(layout: Layout, given: (name: string) => Float32Array): Readonly<Record<keyof Layout, TensorValue>> {
  const first = (leaf: Leaf) => (/\.initialised$/.test(leaf.path) ? Float32Array.of(1) : new Float32Array(sizeOf([leaf])));
  const leaves = (kind: keyof Layout) => flatOf(layout[kind], (leaf) => { const name = lipschitzName(leaf); return name ? given(name) : first(leaf); });
  return { parameters: leaves('parameters'), buffers: leaves('buffers') };
}

/** SCAN's objective: consistency of anchors and neighbours, less the weighted entropy of the mean. */
function scan(anchor: Tensor, neighbour: Tensor, weight: number) {
  const p = softmax(anchor), middle = maximum(mean(p, 0), 1e-8);
  const consistency = neg(mean(maximum(log(sum(mul(p, softmax(neighbour)), 1)), -100))), entropy = neg(sum(mul(middle, log(middle))));
  return { consistency, entropy, total: sub(consistency, mul(entropy, weight)) };
}

export const lipschitzPartitioner: Kind = {
  name: 'lipschitz-partitioner',
  matches: ({ arrays }) => arrays.has('P/backbone.stack.0.actnorm._log_scale') && arrays.has('guide/R_code') && arrays.has('scan_train/anchor_logits'),
  async check(fixture, host) {
    const { config, scalars } = fixture.manifest, c = lipschitzConfigOf(config), compare = checking(fixture), { output, gradient } = tolerances(fixture);
    const { layout, apply } = partitionerFunction({ encoder: lipschitzResnet.name, config: c, image: config.in_shape, parts: config.k, head: 'linear' }, lipschitzResnet);
    const state = lipschitzState(layout, (name) => compare.given(`P/${name}`).data as Float32Array), f32 = (...dims: readonly number[]) => ({ dtype: 'f32' as const, dims });
    const states = { parameters: f32(sizeOf(layout.parameters)), buffers: f32(sizeOf(layout.buffers)) };
    const image = compare.given('in/x'), label = compare.given('in/y'), neighbour = compare.given('in/x_neighbour'), batch = f32(...image.dims as number[]);
    const data = (outputs: Readonly<Record<string, { readonly data: ArrayLike<number | bigint> }>>, key: string) => outputs[key]!.data;

    const sizes = imagesOf(c, config.in_shape);
    const kernels = layout.parameters.filter(({ path }) => /conv\d\.weight$/.test(path));
    const evaluated = await runOnce(host, program('evaluation', states, { image: batch, label: { dtype: 'i64', dims: label.dims } }, (symbols, feeds) => {
      const net = bind('S', layout, symbols.parameters, symbols.buffers), s = net.scope(false), { feature, logit } = apply(s, feeds.image), guide = guideOf(logit, feeds.label);
      const normalised = kernels.map(({ path }) => softSpectralNorm(s.at(path.replace(/\.weight$/, '')), net.leaf(path), { coefficient: c.coefficient, iterations: c.iterations, image: sizes[Number(/block(\d+)/.exec(path)![1]) - 1]! }));
      return { outputs: {
        features: feature, logits: logit, guide, all: guidesOf(logit), part: argMax(logit, 1), dguide: grad(sum(guide), [feeds.image])[0]!, dmean: grad(mean(guide), [feeds.image])[0]!,
        ...Object.fromEntries(residualTrunk(s.at('trunk'), feeds.image, c).map((h, i) => [`block ${i}`, h])), ...Object.fromEntries(normalised.map((w, i) => [kernels[i]!.path, w])),
      } };
    }), state, { image, label });
    for (let i = 0; `block ${i}` in evaluated; i++) compare.array('eval/z_after_block', `eval/z_after_block${i}`, data(evaluated, `block ${i}`), output);
    for (const key of ['features', 'logits']) compare.array(`eval/${key}`, `eval/${key}`, data(evaluated, key), output);
    for (const leaf of kernels) {
      const name = lipschitzName(leaf)!.replace(/\.weight_orig$/, '');
      compareLeaves(compare, 'eval/normalised_weight', { parameters: [leaf], buffers: [] }, 'parameters', evaluated[leaf.path]!, () => `eval/normalised_weight/${name}`, output);
      // What divides the weight says what sigma was, unless that is too small to matter.
      const stored = flatOf([leaf], () => compare.given(`P/${name}.weight_orig`).data as Float32Array).data as Float32Array, used = data(evaluated, leaf.path);
      const most = stored.reduce((best, w, i) => (Math.abs(w) > Math.abs(stored[best]!) ? i : best), 0), sigma = c.coefficient * (stored[most]! / Number(used[most]) - (leaf.dims[1]! > 1 ? 1e-5 : 0));
      const expected = scalars.sigma_eval[`${name}.weight_sigma`];
      if (expected > c.coefficient) compare.scalar('eval: sigma', expected, sigma, scalarTolerance(expected));
    }
    compare.array('guide/R_code', 'guide/R_code', data(evaluated, 'guide'), output);
    compare.array('guide/R_code_all_classes', 'guide/R_code_all_classes', data(evaluated, 'all'), output);
    compare.array('guide/labels_argmax', 'guide/labels_argmax', data(evaluated, 'part'), () => 0);
    for (const [key, ours] of [['guide/dR_code_dx', 'dguide'], ['guide/dreg_dx', 'dmean']] as const) compare.array(key, key, data(evaluated, ours), gradient);
    const guides = evaluated.guide!.data as Float32Array, mean0 = guides.reduce((a, b) => a + b) / guides.length;
    compare.scalar('guide: mean', scalars.guide_reg_loss, mean0, scalarTolerance(scalars.guide_reg_loss));

    const trained = await runOnce(host, program('training', states, { image: batch, neighbour: batch }, (symbols, feeds) => {
      const net = bind('S', layout, symbols.parameters, symbols.buffers);
      const anchor = apply(net.scope(true), feeds.image).logit, other = apply(net.scope(true), feeds.neighbour).logit, { total, ...terms } = scan(anchor, other, config.entropy_weight);
      return { outputs: { anchor_logits: anchor, neighbour_logits: other, total, ...terms, slope: grad(total, [net.parameters])[0]!, moved: net.buffers! } };
    }), state, { image, neighbour });
    for (const key of ['anchor_logits', 'neighbour_logits']) compare.array('scan_train/logits', `scan_train/${key}`, data(trained, key), output);
    for (const key of ['total', 'consistency', 'entropy']) compare.scalar('scan_train: losses', scalars[`scan_${key}`], Number(data(trained, key)[0]), scalarTolerance(scalars[`scan_${key}`]));
    const named = (prefix: string) => (leaf: Leaf) => { const name = lipschitzName(leaf); return name && `${prefix}/${name}`; };
    compareLeaves(compare, 'scan_train/grad', layout, 'parameters', trained.slope!, named('scan_train/grad'), gradient);
    compareLeaves(compare, 'scan_train/buffers_after', layout, 'buffers', trained.moved!, named('scan_train/buffers_after'), output);

    await compareTheorem(host, compare, scalars, { c, layout, state, image, guides, slopes: evaluated.dguide!.data as Float32Array });
    return compare.finished(/\.(prior_mu|prior_logstd|num_batches_tracked)$/, 'the partitioner has no use for them');
  },
};
