/** @file A learner: how an encoder is trained. The batch it wants, the head that its losses are on, and the losses. Becomes the node type `train/<name>`. */
import type { ZodType } from 'zod';
import type { Ports } from '../dataflow/node.js';
import type { TensorShape } from '../spec/tensor-type.js';
import type { Tensor } from '../tensor/tensor.js';
import type { Head, Partition } from './encoder.js';
import type { Phase, TensorPorts } from './method.js';

/** What a learner's losses are written in. */
export interface LearnerTrace<B extends Ports, C> {
  /** The encoder and its head, in training mode. */
  E(image: Tensor): Partition;
  readonly batch: TensorPorts<B>;
  /** Fresh uniform numbers in [0,1), f32[B], by name; the same name is the same draw. */
  uniform(name: string): Tensor;
  readonly schedule: Readonly<Record<string, Tensor>>;
  readonly options: C;
}

export interface Learner<Name extends string = string, B extends Ports = any, C = any> {
  readonly name: Name;
  readonly about: string;
  /** Event inputs of the training node; tensors of batch size B, one of them `image`. Labels below K are parts. Those written `name?` need not be wired. */
  readonly batch: B;
  readonly head: Head;
  /** How many numbers the head gives, where the batch says it and not the configuration: from the types of the ports that are wired. */
  parts?(type: (port: string) => TensorShape | undefined): number;
  readonly options: ZodType<C>;
  schedules?(options: C): Readonly<Record<string, (wave: number) => number>>;
  /** Named terms, each f32[]; the loss is their sum. `report` gives more scalars, which are no part of it. */
  losses(trace: LearnerTrace<B, C>): { readonly losses: Readonly<Record<string, Tensor>>; readonly report?: Readonly<Record<string, Tensor>> };
}
export function defineLearner<const Name extends string, const B extends Ports, C>(learner: Learner<Name, B, C>): Learner<Name, B, C> {
  return learner;
}

/** A learner's losses as the one phase of a step. */
export const learnerPhases = (learner: Learner) => (trace: LearnerTrace<Ports, unknown>): readonly Phase[] => {
  const traced: ReturnType<Learner['losses']>[] = [];
  return [{
    trains: 'encoder',
    losses: () => {
      traced.push(learner.losses(trace));
      return traced.at(-1)!.losses;
    },
    report: () => traced.at(-1)!.report ?? {},
  }];
};
