/** @file What a plugin contributes, and how it becomes a module of the container. */
import { ContainerModule, type ContainerModuleLoadOptions } from 'inversify';
import type { NodeType } from '../dataflow/node.js';
import type { Backbone } from '../training/backbone.js';
import type { Encoder } from '../training/encoder.js';
import type { Learner } from '../training/learner.js';
import type { Method } from '../training/method.js';
import type { Optimiser } from '../training/optimiser.js';
import type { Table } from '../training/table.js';
import { partToken, type Part } from './token.js';

interface Named { readonly name: string }

export interface PluginParts {
  readonly name: string;
  /** Plugins without which this one makes no sense; it does not load without them. */
  readonly requires?: readonly string[];
  readonly nodes?: readonly NodeType[];
  /** GAN methods. Each becomes the node type `train/<name>`. */
  readonly methods?: readonly Method[];
  /** How encoders are trained. Each becomes the node type `train/<name>`. */
  readonly learners?: readonly Learner[];
  readonly backbones?: readonly Backbone[];
  readonly encoders?: readonly Encoder[];
  readonly optimisers?: readonly Optimiser[];
  /** Tables of papers that `gantry reproduce` reruns. */
  readonly tables?: readonly Table[];
  /** Anything else that nodes look up by kind and name. */
  readonly components?: readonly { readonly kind: string; readonly name: string; readonly value: unknown }[];
  /** The whole container module, for what the lists above cannot say: another clock, another session host. */
  readonly bind?: (options: ContainerModuleLoadOptions) => void;
}

/** A plugin is a module of the container that also says what it contributes. */
export type Plugin = ContainerModule & { readonly parts: PluginParts };

/** Everything that a plugin contributes by name, as parts. */
export function partsOf({ name: plugin, nodes = [], methods = [], learners = [], backbones = [], encoders = [], optimisers = [], tables = [], components = [] }: PluginParts): Part[] {
  const named = (kind: string, values: readonly Named[]): Part[] => values.map((value) => ({ plugin, kind, name: value.name, value }));
  return [
    ...named('node', nodes), ...named('method', methods), ...named('learner', learners), ...named('backbone', backbones), ...named('encoder', encoders), ...named('optimiser', optimisers), ...named('table', tables),
    ...components.map((component) => ({ plugin, ...component })),
  ];
}

/** Makes a plugin: the default export of a plugin's file. */
export function definePlugin(parts: PluginParts): Plugin {
  const module = new ContainerModule((options) => {
    for (const part of partsOf(parts)) options.bind(partToken(part.kind)).toConstantValue(part);
    parts.bind?.(options);
  });
  return Object.assign(module, { parts });
}
