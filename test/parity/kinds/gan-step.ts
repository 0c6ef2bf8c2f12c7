/**
 * @file Both networks of a backbone and one training step: outputs, features, R1 and its gradient, the discriminator's step, the generator's step.
 * The reference's leaf names are mapped to ours; sizes and options come from the manifest.
 */
import { grad } from '../../../engine/tensor/grad.js';
import { sum } from '../../../engine/tensor/ops/index.js';
import { program, type Program } from '../../../engine/tensor/program.js';
import { sizeOf, type Layout } from '../../../engine/tensor/scope.js';
import type { Tensor } from '../../../engine/tensor/tensor.js';
import type { SessionHost, State } from '../../../engine/session/host.js';
import { tensor, type Resident, type TensorValue } from '../../../engine/spec/value.js';
import type { Backbone } from '../../../engine/training/backbone.js';
import { r1, squaredGradientNorm } from '../../../engine/training/loss.js';
import { NETWORKS, type NetworkName } from '../../../engine/training/method.js';
import { bindNetwork, generatorProgram, networkPair, stateShapes, type NetworkPair } from '../../../engine/training/networks.js';
import type { Optimiser } from '../../../engine/training/optimiser.js';
import { traceStep, trainingState, type StepPlan } from '../../../engine/training/step.js';
import type { Networks } from '../../../engine/training/values.js';
import { dcganShallow } from '../../../plugins/backbones/dcgan-shallow.js';
import { mlpMaxout } from '../../../plugins/backbones/mlp-maxout.js';
import { selfConditioned } from '../../../plugins/self-conditioned-gan/method.js';
import { comparison, scalarTolerance, tolerances } from '../comparison.js';
import type { Fixture, Kind, Manifest } from '../fixture.js';
import { permuted, regrouped } from '../leaves.js';
import { recording } from './recording.js';

/** How a published pair of networks maps to a backbone of ours. */
interface Published {
  readonly source: RegExp;
  readonly backbone: Backbone;
  config(manifest: Manifest): unknown;
  /** From our leaf's path to the reference's name. */
  name(network: NetworkName, path: string): string;
  /** How many competitors a maxout leaf has. The reference keeps them side by side, we keep them apart. */
  pool?(network: NetworkName, path: string, config: unknown): number;
}

const PUBLISHED: readonly Published[] = [
  {
    source: /2d_mix\/models\/cluster/, backbone: mlpMaxout,
    config: ({ config, tensors }) => ({
      type: 'mlp-maxout', latent: config.z_dim, embedding: config.embed, generator: config.g_act, discriminator: config.d_act,
      pool: shapeIn(tensors, 'D/init/fc1.lin.weight')[0]! / config.d_act,
    }),
    name: (network, path) => (network === 'generator'
      ? path.replace(/^embedding/, 'embedding.embedding').replace(/^layer(\d)\.linear/, 'fc$1.0').replace(/^layer(\d)\.norm/, 'fc$1.1').replace(/^out/, 'fc_out')
      : path.replace(/^layer(\d)\.linear/, 'fc$1.lin').replace(/^out/, 'fc4.fc')),
    pool: (network, path, config) => (network === 'discriminator' && path.startsWith('layer') ? (config as { pool: number }).pool : 1),
  },
  {
    source: /models\/dcgan_shallow/, backbone: dcganShallow,
    config: ({ config }) => ({ type: 'dcgan-shallow', latent: config.z_dim, embedding: config.embed, generator: config.ngf, discriminator: config.ndf }),
    name: (network, path) => (network === 'generator'
      ? path.replace(/^embedding/, 'get_latent.embedding').replace(/^seed/, 'fc').replace(/^layer(\d)\.conv/, 'conv$1').replace(/^layer(\d)\.norm/, 'bn$1.bn').replace(/^out/, 'conv_out.0')
      : path.replace(/^layer(\d)\.conv/, 'conv$1.0').replace(/^layer(\d)\.norm/, 'conv$1.1').replace(/^out/, 'fc_out.fc')),
  },
];

const LETTER: Readonly<Record<NetworkName, string>> = { generator: 'G', discriminator: 'D' };
const shapeIn = (tensors: Manifest['tensors'], key: string) => (tensors as readonly { key: string; shape: number[] }[]).find((t) => t.key === key)!.shape;
const published = ({ manifest }: Fixture) => PUBLISHED.find(({ source }) => source.test(manifest.source));

export const ganStep: Kind = {
  name: 'gan-step',
  matches: (fixture) => published(fixture) !== undefined && fixture.arrays.has('in/z'),
  async check(fixture, host) {
    const { manifest, arrays } = fixture, { config, scalars } = manifest;
    const { backbone, config: configOf, name, pool = () => 1 } = published(fixture)!;
    const floats = (key: string): TensorValue => tensor('f32', arrays.get(key)!.dims, Float32Array.from(arrays.get(key)!.data as Float32Array));
    const z = floats('in/z'), image = floats('in/x_real');
    const label = tensor('i64', arrays.get('in/y')!.dims, BigInt64Array.from(arrays.get('in/y')!.data as Int32Array, BigInt));
    const networks: Networks = {
      backbone: backbone.name, config: configOf(manifest), image: image.dims.slice(1), latent: z.dims[1]!, condition: { labels: config.nlabels === 1 ? 0 : config.nlabels, width: 0 },
    };
    const pair = networkPair(networks, backbone);
    const compare = comparison(fixture), { output, gradient } = tolerances(fixture);
    const named = (network: NetworkName, leaf: string) => name(network, leaf);
    /** The reference's leaf in our order: competitors of maxout apart, kernels channels last. And back. */
    const ours = (network: NetworkName, path: string, dims: readonly number[], values: Float32Array) => {
      const members = pool(network, path, networks.config);
      if (dims.length === 4) return permuted(values, [dims[0]!, dims[3]!, dims[1]!, dims[2]!], [0, 2, 3, 1]);
      return members === 1 ? values : regrouped(values, dims[0]! / members, members);
    };
    const theirs = (network: NetworkName, path: string, dims: readonly number[], values: Float32Array) => {
      const members = pool(network, path, networks.config);
      if (dims.length === 4) return permuted(values, dims, [0, 3, 1, 2]);
      return members === 1 ? values : regrouped(values, members, dims[0]! / members);
    };

    /** The flat vector of a list of leaves, from the reference's arrays. */
    const flat = (network: NetworkName, kind: keyof Layout): TensorValue => {
      const leaves = pair[network].layout[kind], data = new Float32Array(sizeOf(leaves));
      let offset = 0;
      for (const { path, dims } of leaves) {
        const values = ours(network, path, dims, arrays.get(`${LETTER[network]}/init/${named(network, path)}`)!.data as Float32Array);
        data.set(values, offset);
        offset += values.length;
      }
      return tensor('f32', [data.length], data);
    };
    /** Compares a flat vector, leaf by leaf. */
    const compareLeaves = async (group: string, prefix: string, network: NetworkName, kind: keyof Layout, vector: Resident, check: typeof compare.array, tolerance: typeof output) => {
      const data = (await host.get(vector)).data as Float32Array;
      let offset = 0;
      for (const { path, dims } of pair[network].layout[kind]) {
        const end = offset + dims.reduce((a, b) => a * b, 1);
        check(group, `${prefix}/${named(network, path)}`, theirs(network, path, dims, data.subarray(offset, end)), tolerance);
        offset = end;
      }
    };

    const optimiser = { type: recording, config: recording.config.parse({ type: 'adam', lr: config.adam.lr, betas: config.adam.betas, epsilon: 1e-8 }) };
    if (config.reg_type !== 'none' && config.reg_type !== 'real') throw new Error(`regulariser on ${config.reg_type} is not at hand`);
    const plan: StepPlan = {
      method: selfConditioned, options: { loss: 'logistic', r1: config.reg_type === 'real' ? config.reg_param : 0 }, pair,
      optimiser, accumulate: 1,
      batch: { image: { dtype: 'f32', dims: image.dims }, label: { dtype: 'i64', dims: label.dims } },
    };
    const initial: Record<string, Resident> = {};
    for (const [key, { dims }] of Object.entries(trainingState(plan))) {
      const [network, part] = key.split('/') as [NetworkName, string];
      initial[key] = await host.put(part === 'parameters' || part === 'buffers' ? flat(network, part) : tensor('f32', dims as number[], new Float32Array(dims[0] as number)));
    }

    // Forward passes of both networks, and R1 in training mode.
    const probes = await runOnce(host, probeProgram(pair, networks, image, z, label, config.r1_weight), initial, { z, image, label });
    for (const [group, key] of Object.entries({ 'G/out_train': 'out_train', 'D/out_real_train': 'real_train', 'D/out_real_eval': 'real_eval', 'D/features_eval': 'features_eval', 'R1/per_sample_sq_grad_norm': 'norm', 'R1/dDsum_dx': 'slope' }))
      compare.array(group, group, (probes.outputs[key] as TensorValue).data as Float32Array, output);
    const evaluated = await runOnce(host, generatorProgram(pair), initial, config.nlabels === 1 ? { z } : { z, label });
    compare.array('G/out_eval', 'G/out_eval', (evaluated.outputs.image as TensorValue).data as Float32Array, output);
    compare.scalar('scalars', scalars.r1_penalty, Number((probes.outputs.penalty as TensorValue).data[0]), scalarTolerance(scalars.r1_penalty));
    await compareLeaves('R1/grad', 'R1/grad', 'discriminator', 'parameters', await host.put(probes.outputs.penalty_gradient as TensorValue), compare.array, gradient);
    if (probes.state['generator/buffers'])
      await compareLeaves('G/buffers_after_one_train_forward', 'G/buffers_after_one_train_forward', 'generator', 'buffers', probes.state['generator/buffers'], compare.array, output);

    // The two phases one after the other, and both in one program: they must agree, and with the reference.
    let state: State = initial;
    for (const network of ['discriminator', 'generator'] as const) {
      const traced = traceStep(plan, ({ trains }) => trains === network);
      const feeds = { image, label, ...Object.fromEntries(Object.keys(traced.draws).map((key) => [key, z])), ...scalarFeeds(traced.slots, optimiser) };
      const after = await runOnce(host, traced.program, state, feeds);
      state = { ...state, ...after.state };
      const phase = `${LETTER[network]}step`, other: NetworkName = network === 'generator' ? 'discriminator' : 'generator';
      const terms = Object.fromEntries(Object.entries(after.outputs).map(([key, value]) => [key.split('.')[1]!, Number((value as TensorValue).data[0])]));
      if (network === 'discriminator') {
        compare.scalar('scalars', scalars.loss_real_at_init, terms.real!, scalarTolerance(scalars.loss_real_at_init));
        compare.scalar('scalars', scalars.loss_fake_at_init, terms.fake!, scalarTolerance(scalars.loss_fake_at_init));
        compare.scalar('scalars', scalars.step_dloss, terms.real! + terms.fake!, scalarTolerance(scalars.step_dloss));
        compare.scalar('scalars', scalars.step_reg, terms.penalty ?? 0, scalarTolerance(scalars.step_reg));
      } else compare.scalar('scalars', scalars.step_gloss, terms.adversarial!, scalarTolerance(scalars.step_gloss));
      await compareLeaves(`${phase}/grad`, `${phase}/grad`, network, 'parameters', state[`${network}/gradient`]!, compare.array, gradient);
      await compareLeaves(`${phase}/after_adam`, `${phase}/after_adam`, network, 'parameters', state[`${network}/parameters`]!, afterAdam(fixture, phase, config.adam.lr, compare), output);
      if (state[`${network}/buffers`]) await compareLeaves(`${phase}/after_adam buffers`, `${phase}/after_adam`, network, 'buffers', state[`${network}/buffers`]!, compare.array, output);
      if (state[`${other}/buffers`]) await compareLeaves(`${phase}/${LETTER[other]}_buffers_after`, `${phase}/${LETTER[other]}_buffers_after`, other, 'buffers', state[`${other}/buffers`]!, compare.array, output);
    }
    const whole = traceStep(plan, () => true);
    const together = await runOnce(host, whole.program, initial, { image, label, ...Object.fromEntries(Object.keys(whole.draws).map((key) => [key, z])), ...scalarFeeds(whole.slots, optimiser) });
    for (const network of NETWORKS) {
      const [apart, joint] = await Promise.all([state, { ...initial, ...together.state }].map(async (version) => (await host.get(version[`${network}/gradient`]!)).data));
      const largest = (apart as Float32Array).reduce((most, g) => Math.max(most, Math.abs(g)), 0);
      for (const [i, g] of apart!.entries()) compare.ratio('one program = two', Math.abs(Number(g) - Number(joint![i])), 1e-5 + 1e-4 * largest);
    }
    return compare.groups();
  },
};

/** A tensor whose largest gradient is below this is zero but for float64's round-off (a bias that feeds a batch norm). */
const ROUND_OFF = 1e-12;

/** After a first Adam step, where the gradient is zero but for round-off only the size of the step is known: Adam divides by it. */
function afterAdam({ arrays }: Fixture, phase: string, rate: number, compare: ReturnType<typeof comparison>): typeof compare.array {
  return (group, key, ours) => {
    const leaf = key.slice(`${phase}/after_adam/`.length);
    const expected = arrays.get(key)!.data, slope = arrays.get(`${phase}/grad/${leaf}`)!.data, before = arrays.get(`${phase[0]}/init/${leaf}`)!.data;
    let largest = 0;
    for (let i = 0; i < slope.length; i++) largest = Math.max(largest, Math.abs(Number(slope[i])));
    for (let i = 0; i < ours.length; i++) {
      if (largest > ROUND_OFF && Math.abs(Number(slope[i])) > 1e-5 * largest) compare.ratio(group, Math.abs(Number(ours[i]) - Number(expected[i])), 1e-5);
      else compare.ratio(`${group} (size of steps along zero gradients)`, Math.abs(Number(ours[i]) - Number(before[i])), 1.01 * rate);
    }
  };
}

const scalarFeeds = (slots: Readonly<Record<string, unknown>>, { type, config }: { type: Optimiser; config: { lr: number } }) =>
  Object.fromEntries(Object.keys(slots).map((key) => {
    const values = type.scalars(config, 1, config.lr);
    return [key, tensor('f32', [values.length], Float32Array.from(values))];
  }));

/** Everything that is read off the networks as they were initialised. */
function probeProgram(pair: NetworkPair, networks: Networks, image: TensorValue, z: TensorValue, label: TensorValue, weight: number): Program {
  const shapes = { ...stateShapes('generator', pair.generator.layout), ...stateShapes('discriminator', pair.discriminator.layout) };
  const inputs = { z: { dtype: 'f32', dims: z.dims }, image: { dtype: 'f32', dims: image.dims }, label: { dtype: 'i64', dims: label.dims } } as const;
  return program('probe', shapes, inputs, (state, feeds) => {
    const bound = (network: NetworkName) => bindNetwork(network, pair[network].layout, state);
    const G = bound('generator'), D = bound('discriminator'), R = bound('discriminator');
    const made = pair.generator.apply(G.scope(true), feeds.z, feeds);
    const real = pair.discriminator.apply(D.scope(true), feeds.image, feeds).logit;
    const judged = pair.discriminator.apply(bound('discriminator').scope(false), feeds.image, feeds);
    const { logit } = pair.discriminator.apply(R.scope(true), feeds.image, feeds);
    const penalty: Tensor = r1(logit, feeds.image, weight || 1);
    return {
      next: (G.buffers ? { 'generator/buffers': G.buffers } : {}) as Record<string, Tensor>,
      outputs: {
        out_train: made, real_train: real, real_eval: judged.logit, features_eval: judged.feature,
        norm: squaredGradientNorm(logit, feeds.image), slope: grad(sum(logit), [feeds.image])[0]!, penalty, penalty_gradient: grad(penalty, [R.parameters])[0]!,
      },
    };
  });
}

async function runOnce(host: SessionHost, traced: Program, state: State, feeds: Readonly<Record<string, TensorValue>>) {
  const executable = await host.compile(traced);
  try { return await executable.run(state, feeds); } finally { await executable.release(); }
}
