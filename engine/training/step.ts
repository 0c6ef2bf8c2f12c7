/** @file The training step as one program: phases in order, each differentiated, updated and chained to the next. */
import { traceError } from '../spec/issue.js';
import type { TensorShape } from '../spec/tensor-type.js';
import { grad } from '../tensor/grad.js';
import { add, concat, input, mul, reshape, slice, split, stopGradient, sub } from '../tensor/ops/index.js';
import type { Program, ProgramState } from '../tensor/program.js';
import { type BoundNetwork } from '../tensor/scope.js';
import { within, type Tensor } from '../tensor/tensor.js';
import type { Given } from './backbone.js';
import { NETWORKS, type Method, type NetworkName, type Phase, type Trace } from './method.js';
import { bindNetwork, stateShapes, type NetworkPair } from './networks.js';
import type { Optimiser } from './optimiser.js';

export interface ConfiguredOptimiser { readonly type: Optimiser; readonly config: unknown }
export interface Averaging { readonly decay: number; readonly statistics: boolean; readonly from: number }

export interface StepPlan {
  readonly method: Method;
  readonly options: unknown;
  readonly pair: NetworkPair;
  /** Of both networks. */
  readonly optimiser: ConfiguredOptimiser;
  readonly averaging?: Averaging | undefined;
  /** Slices of the batch whose gradients are averaged before an update. */
  readonly accumulate: number;
  /** Batch norm uses its running statistics, which no longer move. */
  readonly frozen?: boolean;
  /** Types of the batch's tensors that are wired, all sizes known. */
  readonly batch: Readonly<Record<string, TensorShape>>;
}

/** Scalars fed each wave as a small vector: those of an optimiser's n-th update, the value of a schedule, or the decay of the average. */
export type ScalarSlot =
  | { readonly of: 'optimiser'; readonly network: NetworkName; readonly update: number }
  | { readonly of: 'schedule'; readonly name: string }
  | { readonly of: 'averaging' };

/** Random numbers of these sizes: standard normal (latents), or uniform in [0,1). */
export interface Draw { readonly of: 'normal' | 'uniform'; readonly dims: readonly number[] }

export interface TracedStep {
  readonly program: Program;
  /** What the inputs named by the keys hold. */
  readonly slots: Readonly<Record<string, ScalarSlot>>;
  /** The random draws to feed, by name. */
  readonly draws: Readonly<Record<string, Draw>>;
  /** Updates of each network in this program. */
  readonly updates: Readonly<Record<NetworkName, number>>;
}

/** State names and types of a training step: networks, moments, averages. */
export function trainingState({ pair, optimiser: { type, config }, averaging }: StepPlan): Record<string, TensorShape> {
  const states: Record<string, TensorShape> = {};
  for (const name of NETWORKS) {
    const shapes = stateShapes(name, pair[name].layout);
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
export function phaseCadence(plan: StepPlan): number[] {
  const cadence: number[] = [];
  traceStep(plan, ({ every = 1 }) => {
    cadence.push(every);
    return false;
  });
  return cadence;
}

/** Traces the step of the phases that `active` picks. */
export function traceStep(plan: StepPlan, active: (phase: Phase) => boolean): TracedStep {
  const { method, pair, optimiser: { type, config }, averaging, accumulate } = plan;
  const where = `train/${method.name}`, training = !plan.frozen;
  const state = symbols(trainingState(plan)), batch = symbols(plan.batch);
  const size = Object.values(plan.batch)[0]!.dims[0] as number;
  const bound = Object.fromEntries(NETWORKS.map((name) => [name, bindNetwork(name, pair[name].layout, state)])) as Record<NetworkName, BoundNetwork>;
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

  const traceOf = (from: number, to: number): Trace<never, unknown> => {
    const cut = (t: Tensor) => (to - from === size ? t : slice(t, 0, from, to));
    const draw = (of: Draw['of'], name: string, dims: readonly number[]) => {
      drawn[name] ??= { of, value: input(name, { dtype: 'f32', dims }) };
      return cut(drawn[name].value);
    };
    const D: Trace<never, unknown>['D'] = (image, condition) =>
      within('discriminator', () => pair.discriminator.apply(bound.discriminator.scope(training), image, condition));
    return {
      D,
      scores(...batches) {
        if (!pair.discriminator.perImage) return batches.map(([image, condition]) => D(image, condition).logit);
        const joined = (parts: readonly (Tensor | undefined)[]) => (parts.every((t) => t !== undefined) ? concat(parts as readonly Tensor[], 0) : undefined);
        const condition: Given = { label: joined(batches.map(([, { label }]) => label)), vector: joined(batches.map(([, { vector }]) => vector)) };
        const { logit } = D(concat(batches.map(([image]) => image), 0), condition);
        return split(logit, batches.map(([image]) => image.dims[0] as number), 0);
      },
      G: (z, condition) => within('generator', () => pair.generator.apply(bound.generator.scope(training), z, condition)),
      batch: Object.fromEntries(Object.entries(batch).map(([port, t]) => [port, cut(t)])) as never,
      z: (name = 'z') => draw('normal', name, [size, pair.networks.latent]),
      uniform: (name) => draw('uniform', name, [size]),
      leaves: (network) => pair[network].layout.parameters.map((leaf) => ({ ...leaf, value: bound[network].leaf(leaf.path) })),
      schedule, options: plan.options,
    };
  };
  const times = Math.max(...method.phases(traceOf(0, size)).map((phase) => phase.times ?? 1));
  const slices = times * accumulate;
  if (size % slices) throw traceError(where, `a batch of ${size} does not divide into ${slices} slices: ${times} updates in a row, gradients of ${accumulate} slices each`);
  const phasesOf = Array.from({ length: slices }, (_, i) => method.phases(traceOf((i * size) / slices, ((i + 1) * size) / slices)));
  const phases: readonly Phase[] = phasesOf[0]!;

  const outputs: Record<string, Tensor> = {};
  const updates = { generator: 0, discriminator: 0 };
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
    const index = updates[phase.trains]++;
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

  for (const name of NETWORKS) {
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
    program: { name: where, inputs: { ...batch, ...Object.fromEntries(Object.entries(drawn).map(([name, { value }]) => [name, value])), ...fed }, state: states, outputs },
    slots, updates,
    draws: Object.fromEntries(Object.entries(drawn).map(([name, { of, value }]) => [name, { of, dims: value.dims as readonly number[] }])),
  };
}
