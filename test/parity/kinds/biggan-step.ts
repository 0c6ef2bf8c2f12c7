/**
 * @file BigGAN of Instance-Conditioned GAN and one iteration of its training: outputs in evaluation and of every call in training, of every module at its first
 * call, gradients, parameters, buffers and averages after each update, with several discriminator updates, accumulation, DiffAugment and orthogonal regularisation.
 */
import type { SessionHost, State } from '../../../engine/session/host.js';
import { tensor, type Resident, type TensorValue } from '../../../engine/spec/value.js';
import type { Program } from '../../../engine/tensor/program.js';
import { NETWORKS, type NetworkName } from '../../../engine/training/method.js';
import { discriminatorProgram, generatorProgram, networkPair, type NetworkPair } from '../../../engine/training/networks.js';
import { traceStep, type StepPlan, type TracedStep } from '../../../engine/training/step.js';
import { biggan } from '../../../plugins/backbones/biggan.js';
import { icGan } from '../../../plugins/ic-gan/method.js';
import { comparison, relativeTolerances, type Comparison, type Tolerance } from '../comparison.js';
import type { Fixture, Kind } from '../fixture.js';
import { batchesOf, type Feeds } from './biggan-batches.js';
import { eachLeaf, firstState, recorded } from './biggan-leaves.js';
import { LETTER, networksOf, policiesOf } from './biggan-published.js';
import { recording } from './recording.js';

export const bigganStep: Kind = {
  name: 'biggan-step',
  matches: ({ manifest }) => manifest.kind === 'biggan_train_step',
  async check(fixture, host) {
    const { config } = fixture.manifest, compare = comparison(fixture), tolerance = relativeTolerances(fixture), used = new Set<string>();
    const pair = networkPair(networksOf(fixture), biggan), calls = recorded(pair, fixture), batches = batchesOf(fixture);
    const { num_D_steps: steps, num_D_accumulations: slicesD, num_G_accumulations: slicesG } = config as Readonly<Record<string, number>>;
    const array = (group: string, key: string, values: ArrayLike<number>, allowed: Tolerance) => { used.add(key); compare.array(group, key, values, allowed); };
    const leaves = (network: NetworkName, kind: 'parameters' | 'buffers', vector: Resident, visit: (name: string, values: Float32Array) => void) =>
      eachLeaf(host, pair[network].layout, kind, network, vector, visit);
    const buffers = (key: string, network: NetworkName, vector: Resident) =>
      leaves(network, 'buffers', vector, (name, values) => array(`${key} buffers`, `${key}/${name}`, values, tolerance.buffer));

    const initial = await firstState(planOf(fixture, pair, 'generator', batches.update('generator', 0), slicesG!), host, (key) => {
      used.add(key);
      return fixture.arrays.get(key)!.data as Float32Array;
    });
    let state: State = initial;
    const evaluate = async (when: 'init' | 'after', allowed: Tolerance) => {
      const { z, condition } = batches.first, image = (await runOnce(host, generatorProgram(pair), state, { z, ...condition })).outputs.image as TensorValue;
      const logit = (await runOnce(host, judgeProgram(pair, condition), state, { image, ...condition })).outputs.logit as TensorValue;
      for (const [letter, { data }] of [['G', image], ['D', logit]] as const) array(`out/eval_${when}`, `out/eval_${when}/${letter}`, data as Float32Array, allowed);
    };
    await evaluate('init', tolerance.output);

    // Every update by itself, with the outputs of all calls: the discriminator's, then the generator's.
    const update = async (network: NetworkName, index: number, slices: number) => {
      const letter = LETTER[network], ports = batches.update(network, index), plan = planOf(fixture, calls.pair, network, ports, slices);
      const traced = traceStep(plan, ({ trains }) => trains === network), outputs = { ...traced.program.outputs, ...calls.take() };
      const after = await runOnce(host, { ...traced.program, outputs }, state, { ...ports, ...scalarsOf(fixture, traced, index) });
      state = { ...state, ...after.state };
      for (const key of Object.keys(outputs).filter((name) => name.includes('/'))) array(key.split('/').slice(0, 2).join('/'), key, (after.outputs[key] as TensorValue).data as Float32Array, tolerance.output);
      compareLosses(fixture, compare, network, (name) => Number((after.outputs[`${network}.${name}`] as TensorValue).data[0]), slices, index === steps! - 1);

      const several = network === 'discriminator' && steps! > 1, last = !several || index === steps! - 1;
      const gradients = Array.from({ length: index + 1 }, (_, i) => `grad/${letter}${several ? `_step${i}` : ''}`), [gradient] = gradients.slice(-1) as [string];
      await leaves(network, 'parameters', state[`${network}/gradient`]!, (name, values) => array(gradient, `${gradient}/${name}`, values, tolerance.gradient));
      const key = last ? `after/${letter}` : `after_step${index}/${letter}`;
      const moved = (key: string, vector: Resident) => leaves(network, 'parameters', vector, (name, values) => {
        used.add(`${key}/${name}`);
        afterAdam(fixture, compare, key, name, values, gradients, config[`${letter}_lr`]);
      });
      await moved(key, state[`${network}/parameters`]!);
      if (network === 'generator' && config.save_ema) {
        await moved('ema/G', state['generator/average']!);
        await buffers('ema/G', 'generator', state['generator/average-buffers']!);
      }
    };
    for (let index = 0; index < steps!; index++) await update('discriminator', index, slicesD!);
    await update('generator', 0, slicesG!);
    for (const network of NETWORKS) await buffers(`after/${LETTER[network]}`, network, state[`${network}/buffers`]!);
    await evaluate('after', (key) => 100 * tolerance.output(key));

    // All updates in one program, as a run has them.
    if (slicesD === slicesG && ['B1', 'B2'].every((name) => config[`G_${name}`] === config[`D_${name}`])) {
      const feeds = batches.together(), plan = planOf(fixture, pair, 'generator', feeds, slicesD!, steps), traced = traceStep(plan, () => true);
      const together = await runOnce(host, traced.program, initial, { ...feeds, ...scalarsOf(fixture, traced, 0) });
      for (const network of NETWORKS) await compareVectors(host, compare, 'one program = its updates apart', [together.state, state].map((version) => version[`${network}/gradient`]!));
    }
    const left = [...fixture.arrays.keys()].filter((key) => !used.has(key) && !/^(in|rng)\//.test(key) && !(/\/G\/shared\.weight$/.test(key) && !config.class_cond));
    compare.exact(left.length ? `not compared: ${left.slice(0, 5).join(', ')}${left.length > 5 ? ', …' : ''}` : 'every tensor is compared', [0], [left.length]);
    return compare.groups();
  },
};

const adamOf = ({ manifest: { config } }: Fixture, network: NetworkName) =>
  recording.config.parse({ type: 'adam', lr: config[`${LETTER[network]}_lr`], betas: [config[`${LETTER[network]}_B1`], config[`${LETTER[network]}_B2`]], epsilon: config.adam_eps });

/** The plan of one network's update, or of all; `feeds` has its batch ports, whatever else. */
const planOf = (fixture: Fixture, pair: NetworkPair, network: NetworkName, feeds: Feeds, accumulate: number, steps = 1): StepPlan => {
  const { config } = fixture.manifest;
  return {
    method: icGan, pair, accumulate,
    options: icGan.options.parse({ steps, augment: config.DA ? policiesOf(config.DiffAugment) : [], orthogonal: { generator: config.G_ortho, discriminator: config.D_ortho } }),
    optimiser: { type: recording, config: adamOf(fixture, network) },
    ...(config.save_ema ? { averaging: { decay: config.ema_decay, statistics: true, from: config.ema_start } } : {}),
    batch: Object.fromEntries(Object.entries(feeds).filter(([port]) => /^(image|(fake_|fool_)?(label|vector))$/.test(port)).map(([port, { dtype, dims }]) => [port, { dtype, dims }])),
  };
};

/** The scalars of a step whose network has had `before` updates. */
const scalarsOf = (fixture: Fixture, { slots }: TracedStep, before: number): Feeds => Object.fromEntries(Object.entries(slots).map(([name, slot]) => {
  const { config } = fixture.manifest;
  const values = slot.of === 'optimiser' && slot.network !== 'encoder' ? recording.scalars(adamOf(fixture, slot.network), before + slot.update + 1, config[`${LETTER[slot.network]}_lr`]) : [config.ema_start > 0 ? 0 : config.ema_decay];
  return [name, tensor('f32', [values.length], Float32Array.from(values))];
}));

const judgeProgram = (pair: NetworkPair, condition: Feeds): Program =>
  discriminatorProgram('judge', pair, Object.fromEntries(Object.entries(condition).map(([name, { dtype, dims }]) => [name, { dtype, dims: ['N', ...dims.slice(1)] }])), (judge, feeds) => ({ logit: judge(feeds).logit }));

/** The published scalars are those of the last call; the generator's is divided by its number of calls. */
function compareLosses({ manifest: { scalars } }: Fixture, compare: Comparison, network: NetworkName, term: (name: string) => number, slices: number, last: boolean): void {
  const scalar = (name: string, ours: number) => compare.scalar('scalars', scalars[name], ours, 1e-4 * Math.max(1, Math.abs(scalars[name])));
  if (network === 'generator') scalar('G_loss', term('adversarial') / slices);
  else if (last) for (const name of ['real', 'fake']) scalar(`D_loss_${name}`, term(name));
}

/**
 * Parameters after Adam's first updates, which divide gradients by their size: within a twentieth of the learning rate where every gradient was clearly no
 * round-off (1e-4 of the leaf's largest and 20 epsilons), elsewhere within two learning rates an update.
 */
function afterAdam({ arrays, manifest: { config } }: Fixture, compare: Comparison, key: string, name: string, values: Float32Array, gradients: readonly string[], rate: number): void {
  const expected = arrays.get(`${key}/${name}`)!.data, slopes = gradients.map((gradient) => arrays.get(`${gradient}/${name}`)!.data as Float32Array);
  const floors = slopes.map((slope) => Math.max(1e-4 * slope.reduce((most, g) => Math.max(most, Math.abs(g)), 0), 20 * config.adam_eps));
  for (let i = 0; i < values.length; i++) {
    const clear = slopes.every((slope, k) => Math.abs(slope[i]!) > floors[k]!), difference = Math.abs(values[i]! - Number(expected[i]));
    compare.ratio(clear ? key : `${key} (along gradients near zero)`, difference, clear ? 0.05 * rate : 2 * rate * slopes.length);
  }
}

async function compareVectors(host: SessionHost, compare: Comparison, group: string, vectors: readonly Resident[]): Promise<void> {
  const [a, b] = await Promise.all(vectors.map(async (vector) => (await host.get(vector)).data as Float32Array));
  const largest = b!.reduce((most, g) => Math.max(most, Math.abs(g)), 0);
  for (const [i, g] of b!.entries()) compare.ratio(group, Math.abs(g - a![i]!), 1e-5 + 1e-4 * largest);
}

async function runOnce(host: SessionHost, traced: Program, state: State, feeds: Feeds) {
  const executable = await host.compile(traced);
  try { return await executable.run(state, Object.fromEntries(Object.keys(traced.inputs).map((name) => [name, feeds[name]!]))); } finally { await executable.release(); }
}
