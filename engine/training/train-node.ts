/** @file Makes a method the node type `train/<name>`: networks and settings from its configuration, the batch from its ports. */
import { z } from 'zod';
import { defineNode, type CheckContext, type NodeType, type Port, type Ports } from '../dataflow/node.js';
import { inputError } from '../spec/issue.js';
import { parse, type Dim, type TensorShape } from '../spec/tensor-type.js';
import type { Tensorial } from '../spec/value.js';
import { packOf, requireFit, type Backbone } from './backbone.js';
import { partitionerOf } from './encoder.js';
import { networkState, trainingLoop, type Training } from './loop.js';
import type { Method } from './method.js';
import { networkPair } from './networks.js';
import type { Optimiser } from './optimiser.js';
import { factorAt, scheduleConfig } from './schedule.js';
import type { ConfiguredOptimiser, StepPlan } from './step.js';
import type { Networks, Partitioner, Weights } from './values.js';

/** What plugins gave for training nodes to choose from; their configurations become branches of the node's. */
export interface TrainingParts { readonly backbones: readonly Backbone[]; readonly optimisers: readonly Optimiser[] }

/** The configuration of a component that is chosen by its name. */
export const oneOf = (parts: readonly { readonly name: string; readonly config: z.ZodType }[]) =>
  z.discriminatedUnion('type', parts.map((part) => part.config) as never, { error: () => `{ type: ${parts.map((part) => part.name).join(' | ')}, … }` }) as z.ZodType<{ type: string }>;

const averagingConfig = z.strictObject({
  decay: z.number().min(0).lt(1).describe('share of the average that an update keeps'),
  statistics: z.boolean().default(true).describe('average the running statistics of batch norm, too; otherwise take the live ones'),
  from: z.number().int().min(0).default(0).describe('before this wave the average is a copy'),
});

const noiseConfig = z.strictObject({
  deviation: z.number().positive().describe('standard deviation of the normal noise at first, in the unit of the images'),
  schedule: scheduleConfig.describe('factor on it, by wave'),
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
    noise: noiseConfig.optional().describe('the discriminator sees all images, real and generated, with noise (instance noise; Sønderby et al., 2017): while it is wide, generated images far from all real ones still learn where those are'),
    accumulate: z.number().int().positive().default(1).describe('slices of the batch whose gradients are averaged before an update'),
    options: method.options.prefault({}),
  });
  const typeOf = (port: Port) => (typeof port === 'string' ? port : 'latest' in port ? port.latest : port.previous);
  const ports = Object.entries(method.batch as Ports).filter(([, port]) => parse(typeOf(port))).map(([port]) => port.replace(/\?$/, ''));
  const imageType = typeOf(method.batch.image as Port);
  return defineNode({
    name: `train/${method.name}`,
    about: method.about,
    config,
    inputs: method.batch as Ports,
    outputs: { weights: `@weights[${parse(imageType)!.dims.slice(1).join(',')}]`, metrics: '@metrics' },
    check(settings, context) {
      describe(method, settings.backbone, backbones, context);
      requireDivision(context, settings.accumulate, packOf(backbones.find(({ name }) => name === settings.backbone.type)!, settings.backbone));
    },
    async start(settings, context) {
      const networks = describe(method, settings.backbone, backbones, context);
      const optimiser: ConfiguredOptimiser = { type: optimisers.find(({ name }) => name === settings.optimiser.type)!, config: settings.optimiser };
      const plan: StepPlan = {
        method, options: settings.options, pair: networkPair(networks, backbones.find(({ name }) => name === networks.backbone)!),
        optimiser,
        averaging: settings.averaging, accumulate: settings.accumulate,
        batch: Object.fromEntries(ports.filter((port) => context.wired(port)).map((port) => [port, known(context, port)])),
      };
      const { rate, schedule, freeze, noise } = settings, schedules = method.schedules?.(settings.options) ?? {};
      const loop = trainingLoop(plan, { rate, schedule, freeze, schedules, noise: noise && ((wave) => noise.deviation * factorAt(noise.schedule, wave)) }, context,
        ({ network }) => ({ ...plan, partitioner: partitionerOf(context.services, network) }));
      const weightsOf = (training: Training): Weights => ({ networks, averaged: settings.averaging !== undefined, state: networkState(training) });

      return {
        state: await loop.first(),
        initial: (state) => ({ weights: weightsOf(state) }),
        async step(state, { partitioner, ...batch }, wave) {
          const { next, metrics } = await loop.step(state, batch as Record<string, Tensorial>, wave, partitioner as Partitioner | undefined);
          return { state: next, outputs: { weights: weightsOf(next), metrics } };
        },
        close: () => loop.close(),
      };
    },
  }) as NodeType;
}

/** Refuses a batch that the settings alone show not to divide; a method's updates in a row are known when its step is traced. */
function requireDivision(context: CheckContext, accumulate: number, pack: number): void {
  const size = known(context, 'image').dims[0] as number, says = `a batch of ${size} does not divide into`, config = `nodes.${context.node}.config`;
  if (size % accumulate) throw inputError(`${config}.accumulate`, `${says} ${accumulate} slices`);
  if ((size / accumulate) % pack) throw inputError(`${config}.backbone.pack`, `${says} ${accumulate > 1 ? `${accumulate} slices of ` : ''}packs of ${pack} images, which the discriminator sees at once`);
}

/** Describes the networks from the configuration and the types that the graph gave the batch. */
function describe({ name, condition, classifies = false }: Method, chosen: { type: string }, backbones: readonly Backbone[], context: CheckContext): Networks {
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
  const where = `nodes.${context.node}.config.backbone`;
  requireFit(backbone, chosen, image, conditions, where);
  if ((backbone.classifies?.(chosen) ?? false) !== classifies)
    throw inputError(where, classifies ? `train/${name} wants a discriminator that tells labels apart ("labels": "generators"), and labels` : `its discriminator tells labels apart, which train/${name} would not teach it; leave "labels" as it is by default`);
  return { backbone: backbone.name, config: chosen, image, condition: conditions, latent: backbone.latent(chosen, image) };
}

/** The type of a batch port with every size known. */
export function known(context: CheckContext, port: string) {
  const shape = context.type(port);
  if (shape.dims.some((d) => typeof d !== 'number')) throw inputError(`nodes.${context.node}.in.${port}`, `its sizes are open (${shape.dims.join(', ')}); training wants them known`);
  return { dtype: shape.dtype, dims: shape.dims };
}
