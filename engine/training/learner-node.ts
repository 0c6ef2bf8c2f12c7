/** @file Makes a learner the node type `train/<name>`: it trains an encoder with its head, and passes versions of both along. */
import { z } from 'zod';
import { defineNode, type CheckContext, type NodeType, type Ports, type StartContext } from '../dataflow/node.js';
import { inputError } from '../spec/issue.js';
import { elements, type Tensorial } from '../spec/value.js';
import { partitionerFunction, requireEncoderFit, type Encoder, type Head, type PartitionerNetwork } from './encoder.js';
import { readEncoderFile } from './encoder-file.js';
import { learnerPhases, type Learner } from './learner.js';
import { networkState, trainingLoop, type GivenLeaves, type Training } from './loop.js';
import type { Optimiser } from './optimiser.js';
import { scheduleConfig } from './schedule.js';
import type { EncoderPlan } from './step.js';
import { known, oneOf } from './train-node.js';
import type { Partitioner } from './values.js';

/** What plugins gave for learners to choose from. */
export interface LearningParts { readonly encoders: readonly Encoder[]; readonly optimisers: readonly Optimiser[] }

const PARTS: Readonly<Record<Head, string>> = {
  linear: 'parts of the partition', projection: 'numbers that the head projects features to', inverse: 'latents and labels',
  image: 'channels of the decoder\'s last hidden layer; each layer before has twice as many',
};

/** The node type of a learner, with the encoders and optimisers at hand. */
export function learnerNode(learner: Learner, { encoders, optimisers }: LearningParts): NodeType {
  const config = z.strictObject({
    encoder: oneOf(encoders),
    ...(!learner.parts && { parts: z.int().min(1).describe(PARTS[learner.head]) }),
    optimiser: oneOf(optimisers),
    schedule: scheduleConfig.default({ type: 'constant' }).describe('factor on the learning rate, by wave'),
    options: learner.options.prefault({}),
    from: z.string().optional().describe('an encoder.onnx (or partitioner.onnx) of another run: training goes on from its encoder; the head starts anew'),
  });
  const ports = Object.keys(learner.batch as Ports).map((port) => port.replace(/\?$/, ''));
  const wired = (context: CheckContext) => ports.filter((port) => context.wired(port));
  const describe = ({ encoder: chosen, parts: stated }: { readonly encoder: { readonly type: string }; readonly parts?: unknown }, context: CheckContext) => {
    const parts = learner.parts?.((port) => (context.wired(port) ? context.type(port) : undefined)) ?? stated as number;
    const encoder = encoders.find(({ name }) => name === chosen.type)!;
    const network: PartitionerNetwork = { encoder: encoder.name, config: chosen, image: known(context, 'image').dims.slice(1) as number[], parts, head: learner.head };
    requireEncoderFit(network, encoder, `nodes.${context.node}.config.encoder`);
    return { encoder, network };
  };
  return defineNode({
    name: `train/${learner.name}`,
    about: learner.about,
    config,
    inputs: learner.batch as Ports,
    outputs: learner.head === 'linear' ? { partitioner: '@partitioner[K,...S]', metrics: '@metrics' } : { encoder: '@encoder[...S]', metrics: '@metrics' },
    dims: ({ parts }): Readonly<Record<string, number>> => (typeof parts === 'number' ? { K: parts } : {}),
    check: (settings, context) => { describe(settings, context); },
    async start(settings, context) {
      const { encoder, network } = describe(settings, context);
      const plan: EncoderPlan = {
        method: { ...learner, phases: learnerPhases(learner) }, options: settings.options, accumulate: 1,
        encoder: partitionerFunction(network, encoder),
        optimiser: { type: optimisers.find(({ name }) => name === settings.optimiser.type)!, config: settings.optimiser },
        batch: Object.fromEntries(wired(context).map((port) => [port, known(context, port)])),
      };
      const loop = trainingLoop(plan, { schedule: settings.schedule, schedules: learner.schedules?.(settings.options) ?? {} }, context);
      const trained = (training: Training): { readonly [port: string]: Partitioner } => ({ [learner.head === 'linear' ? 'partitioner' : 'encoder']: { network, state: networkState(training) } });
      return {
        state: await loop.first(settings.from === undefined ? undefined : await trunkOf(context, settings.from, network)),
        initial: trained,
        async step(state, batch, wave) {
          const { next, metrics } = await loop.step(state, batch as Record<string, Tensorial>, wave);
          return { state: next, outputs: { ...trained(next), metrics } };
        },
        close: () => loop.close(),
      };
    },
  }) as NodeType;
}

/** The encoder in a file, for one that is built alike. */
async function trunkOf({ node, services }: StartContext, file: string, network: PartitionerNetwork): Promise<GivenLeaves> {
  const where = `nodes.${node}.config.from`, { network: other, leaf } = await readEncoderFile(services.resolve(file));
  for (const what of ['encoder', 'config', 'image'] as const) {
    const [theirs, ours] = [other[what], network[what]].map((value) => JSON.stringify(value));
    if (theirs !== ours) throw inputError(where, `the ${what === 'config' ? 'settings of the encoder' : what} in ${file} ${theirs}; here ${ours}`);
  }
  return ({ path, dims }) => (path.startsWith('trunk.') ? leaf(path, elements(dims)) : undefined);
}
