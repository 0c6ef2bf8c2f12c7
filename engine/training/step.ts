/** @file The training step as one program: phases in order, each differentiated, updated and chained to the next. */
import { traceError } from '../spec/issue.js';
import type { TensorShape } from '../spec/tensor-type.js';
import { grad } from '../tensor/grad.js';
import { add, concat, input, mul, reshape, slice, split, stopGradient, sub } from '../tensor/ops/index.js';
import type { Program, ProgramState } from '../tensor/program.js';
import type { BoundNetwork, Layout, Scope } from '../tensor/scope.js';
import { within, type Tensor } from '../tensor/tensor.js';
import type { Given } from './backbone.js';
import { partitionerSymbols, type PartitionerFunction } from './encoder.js';
import type { Phase, Trace, TrainedName } from './method.js';
import { bindNetwork, stateShapes, type NetworkPair } from './networks.js';
import type { Optimiser } from './optimiser.js';

export interface ConfiguredOptimiser { readonly type: Optimiser; readonly config: unknown }
export interface Averaging { readonly decay: number; readonly statistics: boolean; readonly from: number }

/** What a method and a learner share: phases of losses, written in a trace. */
interface Losses {
  readonly name: string;
  // biome-ignore lint/suspicious/noExplicitAny: each has a trace of its own
  phases(trace: any): readonly Phase[];
  // biome-ignore lint/suspicious/noExplicitAny: and options of its own
  schedules?(options: any): Readonly<Record<string, (wave: number) => number>>;
}

interface Plan {
  readonly method: Losses;
  readonly options: unknown;
  /** Of all networks. */
  readonly optimiser: ConfiguredOptimiser;
  readonly averaging?: Averaging | undefined;
  /** Slices of the batch whose gradients are averaged before an update. */
  readonly accumulate: number;
  /** Batch norm uses its running statistics, which no longer move. */
  readonly frozen?: boolean;
  /** The discriminator sees every image, real or generated, with noise of its own. */
  readonly noisy?: boolean;
  /** Types of the batch's tensors that are wired, all sizes known. */
  readonly batch: Readonly<Record<string, TensorShape>>;
  /** A partitioner that the losses may ask, and that stays as it is. */
  readonly partitioner?: PartitionerFunction | undefined;
}
/** The step of a GAN. */
export interface StepPlan extends Plan { readonly pair: NetworkPair }
/** The step of an encoder with its head. */
export interface EncoderPlan extends Plan { readonly encoder: PartitionerFunction }
export type AnyPlan = StepPlan | EncoderPlan;

/** The leaves of every network that a step trains. */
export const layoutsOf = (plan: AnyPlan): Readonly<Partial<Record<TrainedName, Layout>>> =>
  ('pair' in plan ? { generator: plan.pair.generator.layout, discriminator: plan.pair.discriminator.layout } : { encoder: plan.encoder.layout });
export const networksOf = (plan: AnyPlan): readonly TrainedName[] => Object.keys(layoutsOf(plan)) as TrainedName[];

/** Scalars fed each wave as a small vector: those of an optimiser's n-th update, the value of a schedule, the decay of the average, or the deviation of the discriminator's noise. */
export type ScalarSlot =
  | { readonly of: 'optimiser'; readonly network: TrainedName; readonly update: number }
  | { readonly of: 'schedule'; readonly name: string }
  | { readonly of: 'averaging' }
  | { readonly of: 'noise' };

/** Random numbers of these sizes: standard normal (latents), or uniform in [0,1). */
export interface Draw { readonly of: 'normal' | 'uniform'; readonly dims: readonly number[] }

export interface TracedStep {
  readonly program: Program;
  /** What the inputs named by the keys hold. */
  readonly slots: Readonly<Record<string, ScalarSlot>>;
  /** The random draws to feed, by name. */
  readonly draws: Readonly<Record<string, Draw>>;
  /** Updates of each network in this program. */
  readonly updates: Readonly<Partial<Record<TrainedName, number>>>;
}

/** State names and types of a training step: networks, moments, averages. */
export function trainingState(plan: AnyPlan): Record<string, TensorShape> {
  const { optimiser: { type, config }, averaging } = plan, layouts = layoutsOf(plan);
  const states: Record<string, TensorShape> = {};
  for (const name of networksOf(plan)) {
    const shapes = stateShapes(name, layouts[name]!);
    Object.assign(states, shapes);
    for (const moment of type.moments(config)) states[`${name}/${moment}`] = shapes[`${name}/parameters`]!;
  }
  if (averaging) {
    states['generator/average'] = states['generator/parameters']!;
    if (states['generator/buffers']) states['generator/average-buffers'] = states['generator/buffers'];
  }
  return states;
}

const symbols = (shapes: Readonly<Record<string, TensorShape>>): Record<string, Tensor> =>
  Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, input(name, shape)]));

/** How often each phase is active, for choosing the program of a wave. */
export function phaseCadence(plan: AnyPlan): number[] {
  const cadence: number[] = [];
  traceStep(plan, ({ every = 1 }) => {
    cadence.push(every);
    return false;
  });
  return cadence;
}

/** Traces the step of the phases that `active` picks. */
export function traceStep(plan: AnyPlan, active: (phase: Phase) => boolean): TracedStep {
  const { method, partitioner, optimiser: { type, config }, averaging, accumulate } = plan, names = networksOf(plan), layouts = layoutsOf(plan);
  const where = `train/${method.name}`, training = !plan.frozen;
  const state = symbols(trainingState(plan)), batch = symbols(plan.batch);
  const size = Object.values(plan.batch)[0]!.dims[0] as number;
  const bound = Object.fromEntries(names.map((name) => [name, bindNetwork(name, layouts[name]!, state)])) as Record<TrainedName, BoundNetwork>;
  const asked = partitioner && partitionerSymbols(partitioner);
  const next: Record<string, Tensor> = {};
  const drawn: Record<string, { readonly of: Draw['of']; readonly value: Tensor }> = {};
  const fed: Record<string, Tensor> = {};
  const slots: Record<string, ScalarSlot> = {};
  const feed = (name: string, slot: ScalarSlot, count: number): Tensor[] => {
    slots[name] = slot;
    fed[name] = input(name, { dtype: 'f32', dims: [count] });
    return split(fed[name], Array<number>(count).fill(1), 0).map((t) => reshape(t, []));
  };
  const schedule = Object.fromEntries(Object.keys(method.schedules?.(plan.options) ?? {}).map((name) => [name, feed(`schedule.${name}`, { of: 'schedule', name }, 1)[0]!]));

  const scope = (network: TrainedName) => bound[network].scope(training);
  const draw = (of: Draw['of'], name: string, dims: readonly number[]): Tensor => {
    drawn[name] ??= { of, value: input(name, { dtype: 'f32', dims }) };
    return drawn[name].value;
  };
  const [deviation] = plan.noisy ? feed('noise', { of: 'noise' }, 1) : [];
  let looks = 0;
  const seen = (image: Tensor): Tensor => (deviation ? add(image, mul(draw('normal', `noise ${++looks}`, image.dims as readonly number[]), deviation)) : image);
  const networks = 'pair' in plan ? pairIn(plan.pair, scope, seen) : { E: (image: Tensor) => within('encoder', () => plan.encoder.apply(scope('encoder'), image)) };

  const traceOf = (from: number, to: number) => {
    const cut = (t: Tensor) => (to - from === size ? t : slice(t, 0, from, to));
    return {
      ...networks,
      batch: Object.fromEntries(Object.entries(batch).map(([port, t]) => [port, cut(t)])),
      ...('pair' in plan && { z: (name = 'z') => cut(draw('normal', name, [size, plan.pair.networks.latent])) }),
      uniform: (name: string) => cut(draw('uniform', name, [size])),
      leaves: (network: TrainedName) => layouts[network]!.parameters.map((leaf) => ({ ...leaf, value: bound[network].leaf(leaf.path) })),
      ...(asked && { partition: (image: Tensor) => within('partitioner', () => asked.apply(image)) }),
      schedule, options: plan.options,
    };
  };
  const times = Math.max(...method.phases(traceOf(0, size)).map((phase) => phase.times ?? 1));
  const slices = times * accumulate;
  if (size % slices) throw traceError(where, `a batch of ${size} does not divide into ${slices} slices: ${times} updates in a row, gradients of ${accumulate} slices each`);
  const pack = 'pair' in plan ? plan.pair.discriminator.pack : 1;
  if ((size / slices) % pack) throw traceError(where, `a batch of ${size}${slices > 1 ? ` in ${slices} slices` : ''} does not divide into packs of ${pack} images, which the discriminator sees at once`);
  const phasesOf = Array.from({ length: slices }, (_, i) => method.phases(traceOf((i * size) / slices, ((i + 1) * size) / slices)));
  const phases: readonly Phase[] = phasesOf[0]!;

  const outputs: Record<string, Tensor> = {};
  const updates: Partial<Record<TrainedName, number>> = Object.fromEntries(names.map((name) => [name, 0]));
  const report = (phase: Phase, terms: Readonly<Record<string, Tensor>>) => {
    for (const [name, value] of Object.entries(terms)) outputs[`${phase.trains}.${name}`] = value;
  };
  const update = (phase: Phase, parts: readonly Phase[]) => {
    const network = bound[phase.trains];
    const gradients = parts.map((part) => {
      const losses = part.losses();
      report(part, { ...losses, ...part.report?.() });
      const loss = Object.values(losses).reduce((a, b) => add(a, b));
      return grad(parts.length === 1 ? loss : mul(loss, 1 / parts.length), [network.parameters])[0]!;
    });
    const moments = Object.fromEntries(type.moments(config).map((name) => {
      const key = `${phase.trains}/${name}`;
      return [name, next[key] ?? state[key]!];
    }));
    const index = updates[phase.trains]!;
    updates[phase.trains] = index + 1;
    const scalars = feed(`${phase.trains}.update${index}`, { of: 'optimiser', network: phase.trains, update: index }, type.scalars(config, 1, 1).length);
    const after = type.update(config, network.parameters, stopGradient(gradients.reduce((a, b) => add(a, b))), moments, scalars);
    network.parameters = after.parameters;
    for (const [name, moment] of Object.entries(after.moments)) next[`${phase.trains}/${name}`] = moment;
  };
  phases.forEach((phase, p) => {
    if (!active(phase)) return;
    for (let t = 0; t < (phase.times ?? 1); t++)
      within(`${where}, ${phase.trains} phase`, () => update(phase, phasesOf.slice(t * accumulate, (t + 1) * accumulate).map((slicePhases) => slicePhases[p]!)));
  });

  for (const name of names) {
    next[`${name}/parameters`] = bound[name].parameters;
    if (bound[name].buffers) next[`${name}/buffers`] = bound[name].buffers;
  }
  if (averaging && updates.generator) {
    const [decay] = feed('averaging', { of: 'averaging' }, 1);
    const toward = (key: string, live: Tensor) => add(live, mul(sub(state[key]!, live), decay!));
    next['generator/average'] = toward('generator/average', bound.generator.parameters);
    const statistics = bound.generator.buffers;
    if (statistics) next['generator/average-buffers'] = averaging.statistics ? toward('generator/average-buffers', statistics) : statistics;
  }
  const states: Record<string, ProgramState> = Object.fromEntries(Object.entries(state).map(([name, value]) => [name, { value, next: next[name] ?? value }]));
  return {
    program: { name: where, inputs: { ...batch, ...Object.fromEntries(Object.entries(drawn).map(([name, { value }]) => [name, value])), ...fed, ...asked?.inputs }, state: states, outputs },
    slots, updates,
    draws: Object.fromEntries(Object.entries(drawn).map(([name, { of, value }]) => [name, { of, dims: value.dims as readonly number[] }])),
  };
}

/** A GAN's networks as methods see them; the discriminator judges images as it has `seen` them. */
function pairIn(pair: NetworkPair, scope: (network: TrainedName) => Scope, seen: (image: Tensor) => Tensor): Pick<Trace<never, unknown>, 'G' | 'D' | 'scores'> {
  const D: Trace<never, unknown>['D'] = (image, condition) => within('discriminator', () => pair.discriminator.apply(scope('discriminator'), seen(image), condition));
  return {
    D,
    scores(...batches) {
      if (!pair.discriminator.perImage) return batches.map(([image, condition]) => D(image, condition).logit);
      const joined = (parts: readonly (Tensor | undefined)[]) => (parts.every((t) => t !== undefined) ? concat(parts as readonly Tensor[], 0) : undefined);
      const condition: Given = { label: joined(batches.map(([, { label }]) => label)), vector: joined(batches.map(([, { vector }]) => vector)) };
      const { logit } = D(concat(batches.map(([image]) => image), 0), condition);
      return split(logit, batches.map(([image]) => (image.dims[0] as number) / pair.discriminator.pack), 0);
    },
    G: (z, condition) => within('generator', () => pair.generator.apply(scope('generator'), z, condition)),
  };
}
