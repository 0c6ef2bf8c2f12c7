/** @file The training loop: one state, one step and one set of reports for every GAN and every encoder. */
import type { WaveContext } from '../dataflow/context.js';
import type { StartContext } from '../dataflow/node.js';
import { inTurns } from '../dataflow/turns.js';
import { GantryError } from '../spec/issue.js';
import { elements, tensor, type TensorValue, type Tensorial } from '../spec/value.js';
import type { Executable, State } from '../session/host.js';
import { initialise, placesOf, type Leaf } from '../tensor/scope.js';
import type { TrainedName } from './method.js';
import { factorAt, type Schedule } from './schedule.js';
import { layoutsOf, networksOf, phaseCadence, traceStep, trainingState, type AnyPlan, type ScalarSlot, type TracedStep } from './step.js';
import type { Partitioner } from './values.js';

/** The state of a training node: one version of every tensor, and how many updates each network has had. */
export interface Training { readonly tensors: State; readonly updates: Readonly<Partial<Record<TrainedName, number>>> }

/** What of a training's state says what its networks compute: no moments. */
export const networkState = ({ tensors }: Training): State =>
  Object.fromEntries(Object.entries(tensors).filter(([name]) => /\/(parameters|buffers|average|average-buffers)$/.test(name)));

export interface LoopSettings {
  /** Factors on the learning rate by network. */
  readonly rate?: Readonly<Partial<Record<TrainedName, number>>>;
  readonly schedule: Schedule;
  /** From this wave on batch norm uses its running statistics as they are. */
  readonly freeze?: number | undefined;
  readonly schedules: Readonly<Record<string, (wave: number) => number>>;
  /** Standard deviation of the noise that the discriminator sees images with, by wave. */
  readonly noise?: ((wave: number) => number) | undefined;
}

/** Values of a leaf, where there are some: those of another training. */
export type GivenLeaves = (leaf: Leaf) => Float32Array | undefined;

export interface Loop {
  /** Drawn, but for the leaves of which `given` has values. */
  first(given?: GivenLeaves): Promise<Training>;
  step(state: Training, batch: Readonly<Record<string, Tensorial>>, wave: WaveContext, partitioner?: Partitioner): Promise<{ readonly next: Training; readonly metrics: Readonly<Record<string, number>> }>;
  close(): Promise<void>;
}

/** Makes the loop of a plan. `withPartitioner` completes the plan by the partitioner that a wave brings. */
export function trainingLoop(plan: AnyPlan, settings: LoopSettings, context: StartContext, withPartitioner: (partitioner: Partitioner) => AnyPlan = () => plan): Loop {
  const { rate = {}, schedule, schedules, noise } = settings, { type, config } = plan.optimiser, { lr } = config as { readonly lr: number };
  const steps = stepPrograms(plan, settings, context, withPartitioner);
  const heldBy = (slot: ScalarSlot, { updates }: Training, wave: number): readonly number[] => {
    switch (slot.of) {
      case 'optimiser': return type.scalars(config, updates[slot.network]! + slot.update + 1, lr * (rate[slot.network] ?? 1) * factorAt(schedule, wave));
      case 'schedule': return [schedules[slot.name]!(wave)];
      case 'averaging': return [wave < plan.averaging!.from ? 0 : plan.averaging!.decay];
      case 'noise': return [noise!(wave)];
    }
  };
  return {
    first: (given = () => undefined) => firstState(plan, context, given),
    async step(state, batch, wave, partitioner) {
      const { traced, executable } = await steps.at(wave.wave, partitioner);
      const feeds: Record<string, Tensorial> = { ...batch, ...partitioner?.state };
      for (const [name, { of, dims }] of Object.entries(traced.draws)) feeds[name] = tensor('f32', dims, wave.random(name)[of](elements(dims)));
      for (const [name, slot] of Object.entries(traced.slots)) {
        const values = heldBy(slot, state, wave.wave);
        feeds[name] = tensor('f32', [values.length], Float32Array.from(values));
      }
      const result = await executable.run(state.tensors, feeds);
      const metrics = Object.fromEntries(Object.entries(result.outputs).map(([name, value]) => [name, Number((value as TensorValue).data[0])]));
      requireFinite(metrics, wave);
      const next: Training = {
        tensors: { ...state.tensors, ...result.state },
        updates: Object.fromEntries(networksOf(plan).map((name) => [name, state.updates[name]! + traced.updates[name]!])),
      };
      return { next, metrics: { ...metrics, ...(schedule.type === 'constant' ? {} : { rate_factor: factorAt(schedule, wave.wave) }), ...(noise && { noise: noise(wave.wave) }) } };
    },
    close: () => steps.close(),
  };
}

/** One compiled program for each pattern of active phases, each partitioner, batch norm before and after its freeze, with noise and without; made when a wave first needs it. */
function stepPrograms(plan: AnyPlan, { freeze = Number.POSITIVE_INFINITY, noise }: LoopSettings, { services }: StartContext, withPartitioner: (partitioner: Partitioner) => AnyPlan) {
  const programs = new Map<string, Promise<{ traced: TracedStep; executable: Executable }>>();
  const cadence = phaseCadence(plan);
  const variant = (wave: number) => ({ frozen: wave >= freeze, noisy: (noise?.(wave) ?? 0) > 0 });
  const compile = async (wave: number, partitioner: Partitioner | undefined) => {
    const whole = partitioner ? withPartitioner(partitioner) : plan;
    const traced = traceStep({ ...whole, ...variant(wave) }, ({ every = 1 }) => wave % every === 0);
    return { traced, executable: await services.host.compile(traced.program) };
  };
  return {
    at(wave: number, partitioner: Partitioner | undefined) {
      const pattern = `${cadence.map((every) => wave % every === 0)} ${JSON.stringify(variant(wave))} ${partitioner ? JSON.stringify(partitioner.network) : ''}`;
      const found = programs.get(pattern) ?? compile(wave, partitioner);
      programs.set(pattern, found);
      return found;
    },
    async close() {
      for (const program of programs.values()) await (await program.catch(() => undefined))?.executable.release();
    },
  };
}

/** Draws the leaves (keyed by their paths, so that adding one changes no other), zeroes the moments, copies the averages. */
async function firstState(plan: AnyPlan, { services, random, signal }: StartContext, given: GivenLeaves): Promise<Training> {
  const { host } = services, layouts = layoutsOf(plan);
  const vectors: Record<string, Float32Array> = {};
  for (const name of networksOf(plan)) {
    const { parameters, buffers } = layouts[name]!;
    vectors[`${name}/parameters`] = await inTurns(initialise(parameters, (path) => random(`${name}.${path}`)), signal);
    if (buffers.length) vectors[`${name}/buffers`] = await inTurns(initialise(buffers, (path) => random(`${name}.${path}`)), signal);
    overlay(parameters, vectors[`${name}/parameters`]!, given);
    overlay(buffers, vectors[`${name}/buffers`]!, given);
  }
  const copies: Record<string, string> = { 'generator/average': 'generator/parameters', 'generator/average-buffers': 'generator/buffers' };
  const tensors: Record<string, State[string]> = {};
  for (const [name, { dims }] of Object.entries(trainingState(plan))) {
    const data = vectors[copies[name] ?? name] ?? new Float32Array(elements(dims as readonly number[]));
    tensors[name] = await host.put(tensor('f32', dims as readonly number[], data));
  }
  return { tensors, updates: Object.fromEntries(networksOf(plan).map((name) => [name, 0])) };
}

/** Puts given values of leaves in the place of drawn ones. */
function overlay(leaves: readonly Leaf[], flat: Float32Array, given: GivenLeaves): void {
  for (const { leaf, from } of placesOf(leaves)) {
    const values = given(leaf);
    if (values) flat.set(values, from);
  }
}

/** Beyond it a loss says nothing in float32 any more: its gradient's squares overflow. */
const DIVERGED = 1e12;

/** A loss that is no number, or that has run away, ends the run before its update is kept. */
function requireFinite(metrics: Readonly<Record<string, number>>, { node, wave }: WaveContext): void {
  const [bad] = Object.entries(metrics).filter(([, value]) => !(Math.abs(value) < DIVERGED));
  if (!bad) return;
  const [network, term] = bad[0].split('.') as [string, string];
  throw new GantryError('StepError', `node "${node}", wave ${wave}`, [{
    at: '', says: `${network} phase: ${term} is ${bad[1]}; losses must be finite and below ${DIVERGED.toExponential()}: training has diverged`,
    because: [Object.entries(metrics).map(([name, value]) => `${name} = ${value}`).join(', ')],
    try: 'a lower learning rate (config.optimiser.lr), from the last good checkpoint or from the start',
  }], 3);
}
