/** @file Makes a method the node type `train/<name>`: one training loop, one state and one set of reports for every GAN. */
import { z } from 'zod';
import type { WaveContext } from '../dataflow/context.js';
import { defineNode, type CheckContext, type NodeType, type Port, type Ports, type StartContext } from '../dataflow/node.js';
import { inTurns } from '../dataflow/turns.js';
import { GantryError, inputError } from '../spec/issue.js';
import { parse, type Dim, type TensorShape } from '../spec/tensor-type.js';
import { elements, tensor, type TensorValue, type Tensorial } from '../spec/value.js';
import type { Executable, State } from '../session/host.js';
import { initialise } from '../tensor/scope.js';
import { requireFit, type Backbone } from './backbone.js';
import { NETWORKS, type Method, type NetworkName } from './method.js';
import { networkPair } from './networks.js';
import type { Optimiser } from './optimiser.js';
import { factorAt, scheduleConfig } from './schedule.js';
import { phaseCadence, trainingState, traceStep, type ConfiguredOptimiser, type StepPlan, type TracedStep } from './step.js';
import type { Networks, Weights } from './values.js';

/** What plugins gave for training nodes to choose from; their configurations become branches of the node's. */
export interface TrainingParts { readonly backbones: readonly Backbone[]; readonly optimisers: readonly Optimiser[] }

/** The state of a training node: one version of every tensor, and how many updates each network has had. */
interface Training { readonly tensors: State; readonly updates: Readonly<Record<NetworkName, number>> }

const oneOf = (parts: readonly { readonly name: string; readonly config: z.ZodType }[]) =>
  z.discriminatedUnion('type', parts.map((part) => part.config) as never, { error: () => `{ type: ${parts.map((part) => part.name).join(' | ')}, … }` }) as z.ZodType<{ type: string }>;

const averagingConfig = z.strictObject({
  decay: z.number().min(0).lt(1).describe('share of the average that an update keeps'),
  statistics: z.boolean().default(true).describe('average the running statistics of batch norm, too; otherwise take the live ones'),
  from: z.number().int().min(0).default(0).describe('before this wave the average is a copy'),
});

/** The node type of a method, with the backbones and optimisers at hand. */
export function trainNode(method: Method, { backbones, optimisers }: TrainingParts): NodeType {
  const factor = z.number().positive().default(1);
  const config = z.strictObject({
    backbone: oneOf(backbones),
    optimiser: oneOf(optimisers).describe('of both networks, each with moments of its own'),
    rate: z.strictObject({ generator: factor, discriminator: factor }).prefault({}).describe('factor on the learning rate, by network (two time-scales)'),
    schedule: scheduleConfig.default({ type: 'constant' }).describe('factor on both learning rates, by wave'),
    averaging: averagingConfig.optional().describe('exponential moving average of the generator'),
    freeze: z.number().int().min(0).optional().describe('from this wave on batch norm uses its running statistics as they are, in both networks: the noise of small batches is gone'),
    accumulate: z.number().int().positive().default(1).describe('slices of the batch whose gradients are averaged before an update'),
    options: method.options.prefault({}),
  });
  const typeOf = (port: Port) => (typeof port === 'string' ? port : 'latest' in port ? port.latest : port.previous);
  const ports = Object.keys(method.batch).map((port) => port.replace(/\?$/, ''));
  const imageType = typeOf(method.batch.image as Port);
  return defineNode({
    name: `train/${method.name}`,
    about: method.about,
    config,
    inputs: method.batch as Ports,
    outputs: { weights: `@weights[${parse(imageType)!.dims.slice(1).join(',')}]`, metrics: '@metrics' },
    check: (settings, context) => { describe(method, settings.backbone, backbones, context); },
    async start(settings, context) {
      const networks = describe(method, settings.backbone, backbones, context);
      const optimiser: ConfiguredOptimiser = { type: optimisers.find(({ name }) => name === settings.optimiser.type)!, config: settings.optimiser };
      const plan: StepPlan = {
        method, options: settings.options, pair: networkPair(networks, backbones.find(({ name }) => name === networks.backbone)!),
        optimiser,
        averaging: settings.averaging, accumulate: settings.accumulate,
        batch: Object.fromEntries(ports.filter((port) => context.wired(port)).map((port) => [port, known(context, port)])),
      };
      const steps = stepPrograms(plan, settings.freeze ?? Number.POSITIVE_INFINITY, context);
      const schedules = method.schedules?.(settings.options) ?? {};
      const { lr } = settings.optimiser as unknown as { readonly lr: number };
      const weightsOf = ({ tensors }: Training): Weights => ({
        networks, averaged: settings.averaging !== undefined,
        state: Object.fromEntries(Object.entries(tensors).filter(([name]) => /\/(parameters|buffers|average|average-buffers)$/.test(name))),
      });

      return {
        state: await firstState(plan, context),
        initial: (state) => ({ weights: weightsOf(state) }),
        async step(state, inputs, wave) {
          const { traced, executable } = await steps.at(wave.wave);
          const fall = factorAt(settings.schedule, wave.wave);
          const feeds: Record<string, Tensorial> = { ...(inputs as Record<string, Tensorial>) };
          for (const [name, { of, dims }] of Object.entries(traced.draws)) feeds[name] = tensor('f32', dims, wave.random(name)[of](elements(dims)));
          for (const [name, slot] of Object.entries(traced.slots)) {
            const values = slot.of === 'optimiser'
              ? optimiser.type.scalars(optimiser.config, state.updates[slot.network] + slot.update + 1, lr * settings.rate[slot.network] * fall)
              : [slot.of === 'schedule' ? schedules[slot.name]!(wave.wave) : wave.wave < settings.averaging!.from ? 0 : settings.averaging!.decay];
            feeds[name] = tensor('f32', [values.length], Float32Array.from(values));
          }
          const result = await executable.run(state.tensors, feeds);
          const metrics = Object.fromEntries(Object.entries(result.outputs).map(([name, value]) => [name, Number((value as TensorValue).data[0])]));
          requireFinite(metrics, wave);
          const next: Training = {
            tensors: { ...state.tensors, ...result.state },
            updates: { generator: state.updates.generator + traced.updates.generator, discriminator: state.updates.discriminator + traced.updates.discriminator },
          };
          return { state: next, outputs: { weights: weightsOf(next), metrics: { ...metrics, ...(settings.schedule.type === 'constant' ? {} : { rate_factor: fall }) } } };
        },
        close: () => steps.close(),
      };
    },
  }) as NodeType;
}

/** Describes the networks from the configuration and the types that the graph gave the batch. */
function describe({ condition }: Method, chosen: { type: string }, backbones: readonly Backbone[], context: CheckContext): Networks {
  const backbone = backbones.find(({ name }) => name === chosen.type)!;
  const image = known(context, 'image').dims.slice(1) as number[];
  const size = (port: string | undefined, of: (shape: TensorShape) => Dim | undefined, wanted: string): number => {
    if (port === undefined || !context.wired(port)) return 0;
    const found = of(context.type(port));
    if (typeof found !== 'number') throw inputError(`nodes.${context.node}.in.${port}`, wanted);
    return found;
  };
  const labels = size(condition.label, ({ below }) => below, `how many labels there are is open: ${condition.label} wants i64<K>[B] with K known`);
  const conditions = { labels: labels === 1 ? 0 : labels, width: size(condition.vector, ({ dims }) => dims[1], `how wide its vectors are is open: ${condition.vector} wants f32[B,E] with E known`) };
  requireFit(backbone, chosen, image, conditions, `nodes.${context.node}.config.backbone`);
  return { backbone: backbone.name, config: chosen, image, condition: conditions, latent: backbone.latent(chosen, image) };
}

/** The type of a batch port with every size known. */
function known(context: CheckContext, port: string) {
  const shape = context.type(port);
  if (shape.dims.some((d) => typeof d !== 'number')) throw inputError(`nodes.${context.node}.in.${port}`, `its sizes are open (${shape.dims.join(', ')}); training wants them known`);
  return { dtype: shape.dtype, dims: shape.dims };
}

/** One compiled program for each pattern of active phases, and for batch norm before and after its freeze; made when a wave first needs it. */
function stepPrograms(plan: StepPlan, freeze: number, { services }: StartContext) {
  const programs = new Map<string, Promise<{ traced: TracedStep; executable: Executable }>>();
  const cadence = phaseCadence(plan);
  const compile = async (wave: number) => {
    const traced = traceStep({ ...plan, frozen: wave >= freeze }, ({ every = 1 }) => wave % every === 0);
    return { traced, executable: await services.host.compile(traced.program) };
  };
  return {
    at(wave: number) {
      const pattern = `${cadence.map((every) => wave % every === 0)} ${wave >= freeze}`;
      const found = programs.get(pattern) ?? compile(wave);
      programs.set(pattern, found);
      return found;
    },
    async close() {
      for (const program of programs.values()) await (await program.catch(() => undefined))?.executable.release();
    },
  };
}

/** Draws the leaves (keyed by their paths, so that adding one changes no other), zeroes the moments, copies the averages. */
async function firstState(plan: StepPlan, { services, random, signal }: StartContext): Promise<Training> {
  const { host } = services;
  const vectors: Record<string, Float32Array> = {};
  for (const name of NETWORKS) {
    const { parameters, buffers } = plan.pair[name].layout;
    vectors[`${name}/parameters`] = await inTurns(initialise(parameters, (path) => random(`${name}.${path}`)), signal);
    if (buffers.length) vectors[`${name}/buffers`] = await inTurns(initialise(buffers, (path) => random(`${name}.${path}`)), signal);
  }
  const copies: Record<string, string> = { 'generator/average': 'generator/parameters', 'generator/average-buffers': 'generator/buffers' };
  const tensors: Record<string, State[string]> = {};
  for (const [name, { dims }] of Object.entries(trainingState(plan))) {
    const data = vectors[copies[name] ?? name] ?? new Float32Array(elements(dims as readonly number[]));
    tensors[name] = await host.put(tensor('f32', dims as readonly number[], data));
  }
  return { tensors, updates: { generator: 0, discriminator: 0 } };
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
