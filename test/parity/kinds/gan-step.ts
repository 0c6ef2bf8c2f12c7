/**
 * @file Both networks of a backbone and one training step: outputs, features, R1 and its gradient, the discriminator's step, the generator's step.
 * The reference's leaf names are mapped to ours; sizes and options come from the manifest.
 */
import type { SessionHost, State } from '../../../engine/session/host.js';
import { tensor, type Resident, type TensorValue } from '../../../engine/spec/value.js';
import type { Program } from '../../../engine/tensor/program.js';
import { sizeOf, type Layout } from '../../../engine/tensor/scope.js';
import { NETWORKS, type NetworkName } from '../../../engine/training/method.js';
import { generatorProgram, networkPair } from '../../../engine/training/networks.js';
import type { Optimiser } from '../../../engine/training/optimiser.js';
import { traceStep, trainingState, type StepPlan, type TracedStep } from '../../../engine/training/step.js';
import type { Networks } from '../../../engine/training/values.js';
import { comparison, scalarTolerance, tolerances, type Comparison, type Tolerance } from '../comparison.js';
import type { Fixture, Group, Kind } from '../fixture.js';
import { LETTER } from './biggan-published.js';
import { guideIn, type Guide } from './gan-guide.js';
import { probeProgram } from './gan-probes.js';
import { publishedOf, storedAs } from './gan-published.js';
import { checking } from './partitioner-parts.js';
import { recording } from './recording.js';

export const ganStep: Kind = {
  name: 'gan-step',
  matches: (fixture) => publishedOf(fixture) !== undefined && fixture.arrays.has('in/z'),
  async check(fixture, host) {
    const { manifest, arrays } = fixture, { config, scalars } = manifest, published = publishedOf(fixture)!, backbone = published.backbone(manifest);
    const compare = checking(fixture), z = compare.given('in/z'), image = compare.given('in/x_real'), label = compare.given('in/y'), guide = guideIn(fixture, compare);
    const parsed = backbone.config.parse(published.config(manifest));
    const networks: Networks = { backbone: backbone.name, config: parsed, image: image.dims.slice(1), latent: z.dims[1]!, condition: { labels: published.labels(manifest), width: 0 } };
    const made = networkPair(networks, backbone), { discriminator } = made;
    // The reference judges real and generated images apart, which shows where the network remembers how often it was used.
    const pair = { ...made, discriminator: { ...discriminator, perImage: discriminator.perImage && !discriminator.layout.buffers.length } };
    const { output, gradient } = tolerances(fixture);
    const stored = (network: NetworkName, path: string, dims: readonly number[]) => storedAs(published, network, path, dims, networks.config);
    const scalarsOf = (to: Comparison) => (name: string, ours = 0) => { if (name in scalars) to.scalar('scalars', scalars[name], ours, scalarTolerance(scalars[name])); };

    /** The flat vector of a list of leaves, from the reference's arrays. */
    const flat = (network: NetworkName, kind: keyof Layout): TensorValue => {
      const leaves = pair[network].layout[kind], data = new Float32Array(sizeOf(leaves));
      let offset = 0;
      for (const { path, dims } of leaves) {
        const values = stored(network, path, dims).ours(compare.given(`${LETTER[network]}/init/${published.name(network, path)}`).data as Float32Array);
        data.set(values, offset);
        offset += values.length;
      }
      return tensor('f32', [data.length], data);
    };
    /** Compares a flat vector, leaf by leaf. */
    const leaves = async (group: string, prefix: string, network: NetworkName, kind: keyof Layout, vector: Resident | undefined, tolerance: Tolerance, check: Check = compare.array) => {
      if (!vector) return;
      const data = (await host.get(vector)).data as Float32Array;
      let offset = 0;
      for (const { path, dims } of pair[network].layout[kind]) {
        const end = offset + dims.reduce((a, b) => a * b, 1);
        check(group, `${prefix}/${published.name(network, path)}`, stored(network, path, dims).theirs(data.subarray(offset, end)), tolerance);
        offset = end;
      }
    };

    const optimiser = { type: recording, config: recording.config.parse({ type: 'adam', lr: config.adam.lr, betas: config.adam.betas, epsilon: 1e-8 }) };
    const plan: StepPlan = {
      ...published.step(manifest), pair, optimiser, accumulate: 1, partitioner: guide?.partitioner,
      averaging: config.ema === undefined ? undefined : { decay: config.ema, statistics: false, from: 0 },
      batch: { image: { dtype: 'f32', dims: image.dims }, label: { dtype: 'i64', dims: label.dims } },
    };
    const initial: Record<string, Resident> = {};
    for (const [key, { dims }] of Object.entries(trainingState(plan))) {
      const [network, part] = key.split('/') as [NetworkName, string];
      const kind = ({ average: 'parameters', 'average-buffers': 'buffers' } as const)[part] ?? part;
      initial[key] = await host.put(kind === 'parameters' || kind === 'buffers' ? flat(network, kind) : tensor('f32', dims as number[], new Float32Array(dims[0] as number)));
    }

    // Forward passes of both networks, and R1 in training mode.
    const probes = await runOnce(host, probeProgram(pair, { z, image, label }, arrays.has('R1/dDsum_dx') ? config.r1_weight : undefined), initial, { z, image, label });
    for (const [group, key] of Object.entries({ 'G/out_train': 'out_train', 'D/out_real_train': 'real_train', 'D/out_real_eval': 'real_eval', 'D/features_eval': 'features_eval', 'R1/per_sample_sq_grad_norm': 'norm', 'R1/dDsum_dx': 'slope' }))
      if (arrays.has(group)) compare.array(group, group, (probes.outputs[key] as TensorValue).data as Float32Array, output);
    const evaluated = await runOnce(host, generatorProgram(pair), initial, networks.condition.labels ? { z, label } : { z });
    compare.array('G/out_eval', 'G/out_eval', (evaluated.outputs.image as TensorValue).data as Float32Array, output);
    if (probes.outputs.penalty) {
      scalarsOf(compare)('r1_penalty', Number((probes.outputs.penalty as TensorValue).data[0]));
      await leaves('R1/grad', 'R1/grad', 'discriminator', 'parameters', await host.put(probes.outputs.penalty_gradient as TensorValue), gradient);
    }
    for (const network of NETWORKS) {
      const key = `${LETTER[network]}/buffers_after_one_train_forward`;
      if (hasAny(fixture, key)) await leaves(key, key, network, 'buffers', probes.state[`${network}/buffers`], output);
    }

    // The two phases one after the other, and both in one program: they must agree, and with the reference.
    let state: State = initial;
    const given = ({ slots }: TracedStep) => ({ ...scalarFeeds(slots, optimiser, guide, config.ema), ...guide?.inputs });
    for (const network of ['discriminator', 'generator'] as const) {
      const traced = traceStep(plan, ({ trains }) => trains === network), before = state;
      const after = (by: number) => runOnce(host, traced.program, before, { image: nudged(image, by), label, ...Object.fromEntries(Object.keys(traced.draws).map((key) => [key, nudged(z, by)])), ...given(traced) });
      const plain = await after(0);
      state = { ...before, ...plain.state };
      let groups = await stepGroups(network, plain);
      for (const by of groups.every(({ pass }) => pass) ? [] : NUDGES) {
        const moved = await stepGroups(network, await after(by));
        if (!moved.every(({ pass }) => pass)) continue;
        groups = moved.map((found) => ({ ...found, group: `${found.group} (inputs moved by ${by} of 2^-23)` }));
        break;
      }
      for (const { group, worst, tolerance } of groups) compare.ratio(group, worst, tolerance);
    }

    /** A network's update against the reference. */
    async function stepGroups(network: NetworkName, { state: next, outputs }: Awaited<ReturnType<typeof runOnce>>): Promise<Group[]> {
      const found = comparison(fixture), scalar = scalarsOf(found), phase = `${LETTER[network]}step`, other: NetworkName = network === 'generator' ? 'discriminator' : 'generator';
      const array: Check = (group, key, values, tolerance) => { compare.given(key); found.array(group, key, values, tolerance); };
      const terms = Object.fromEntries(Object.entries(outputs).map(([key, value]) => [key.split('.')[1]!, Number((value as TensorValue).data[0])]));
      if (network === 'discriminator') {
        scalar('loss_real_at_init', terms.real);
        scalar('loss_fake_at_init', terms.fake);
        scalar('step_dloss', terms.real! + terms.fake!);
        scalar('step_reg', terms.penalty);
      } else {
        for (const name of ['step_gloss', 'step_gloss_total']) scalar(name, terms.adversarial! + (terms.guide ?? 0));
        if (guide) scalar('step_guide_loss', terms.guide! / guide.weight);
      }
      await leaves(`${phase}/grad`, `${phase}/grad`, network, 'parameters', next[`${network}/gradient`], gradient, array);
      await leaves(`${phase}/after_adam`, `${phase}/after_adam`, network, 'parameters', next[`${network}/parameters`], output, (group, key, values) => {
        compare.given(key);
        afterAdam(fixture, phase, config.adam.lr, found, group, key, values);
      });
      if (network === 'generator' && plan.averaging) await leaves('EMA/after', 'EMA/after', network, 'parameters', next['generator/average'], output, array);
      await leaves(`${phase}/after_adam buffers`, `${phase}/after_adam`, network, 'buffers', next[`${network}/buffers`], output, array);
      const others = `${phase}/${LETTER[other]}_buffers_after`;
      await leaves(others, others, other, 'buffers', next[`${other}/buffers`], output, array);
      return found.groups();
    }
    const whole = traceStep(plan, () => true);
    const together = await runOnce(host, whole.program, initial, { image, label, ...Object.fromEntries(Object.keys(whole.draws).map((key) => [key, z])), ...given(whole) });
    for (const network of NETWORKS) {
      const [apart, joint] = await Promise.all([state, { ...initial, ...together.state }].map(async (version) => (await host.get(version[`${network}/gradient`]!)).data));
      const largest = (apart as Float32Array).reduce((most, g) => Math.max(most, Math.abs(g)), 0);
      for (const [i, g] of apart!.entries()) compare.ratio('one program = two', Math.abs(Number(g) - Number(joint![i])), 1e-5 + 1e-4 * largest);
    }
    return compare.finished(/\.(prior_mu|prior_logstd|num_batches_tracked)$/, 'networks have no use for them here');
  },
};

/**
 * A gradient jumps where a ReLU's input changes its sign. Where a reference's lies within round-off of zero, float32 may land on either side, by the order in which it
 * sums: then the step must be the reference's, to the same tolerances, at inputs moved by so many units in their last place.
 */
const NUDGES = [1, -1, 2, -2, 4, -4, 8, -8];
const nudged = ({ dims, data }: TensorValue, by: number): TensorValue => tensor('f32', dims, Float32Array.from(data as Float32Array, (v) => v * (1 + by * 2 ** -23)));

type Check = (group: string, key: string, values: Float32Array, tolerance: Tolerance) => void;
const hasAny = ({ arrays }: Fixture, folder: string): boolean => [...arrays.keys()].some((key) => key.startsWith(`${folder}/`));

/** A tensor whose largest gradient is below this is zero but for float64's round-off (a bias that feeds a batch norm). */
const ROUND_OFF = 1e-12;

/** After a first Adam step, where the gradient is zero but for round-off only the size of the step is known: Adam divides by it. */
function afterAdam({ arrays }: Fixture, phase: string, rate: number, compare: Comparison, group: string, key: string, ours: Float32Array): void {
  const leaf = key.slice(`${phase}/after_adam/`.length);
  const expected = arrays.get(key)!.data, slope = arrays.get(`${phase}/grad/${leaf}`)!.data, before = arrays.get(`${phase[0]}/init/${leaf}`)!.data;
  let largest = 0;
  for (let i = 0; i < slope.length; i++) largest = Math.max(largest, Math.abs(Number(slope[i])));
  for (let i = 0; i < ours.length; i++) {
    if (largest > ROUND_OFF && Math.abs(Number(slope[i])) > 1e-5 * largest) compare.ratio(group, Math.abs(ours[i]! - Number(expected[i])), 1e-5);
    else compare.ratio(`${group} (size of steps along zero gradients)`, Math.abs(ours[i]! - Number(before[i])), 1.01 * rate);
  }
}

const scalarFeeds = (slots: TracedStep['slots'], { type, config }: { type: Optimiser; config: { lr: number } }, guide: Guide | undefined, decay = 0) =>
  Object.fromEntries(Object.entries(slots).map(([key, slot]) => {
    const values = slot.of === 'schedule' ? [guide?.weight ?? 0] : slot.of === 'averaging' ? [decay] : type.scalars(config, 1, config.lr);
    return [key, tensor('f32', [values.length], Float32Array.from(values))];
  }));

async function runOnce(host: SessionHost, traced: Program, state: State, feeds: Readonly<Record<string, TensorValue>>) {
  const executable = await host.compile(traced);
  try { return await executable.run(state, feeds); } finally { await executable.release(); }
}
