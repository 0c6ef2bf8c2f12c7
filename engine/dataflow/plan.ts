/** @file A plan: a graph that composed. Nodes in an order in which they can step, with parsed configurations and resolved types. */
import type { TensorShape } from '../spec/tensor-type.js';
import type { NodeType, PortType } from './node.js';

/** How an input meets time. */
export type Clock = 'event' | 'latest' | 'previous';

/** One input and the output it reads. */
export interface Edge {
  readonly port: string;
  /** The input's type as its author wrote it. */
  readonly type: PortType;
  readonly from: string;
  readonly output: string;
  readonly clock: Clock;
  readonly optional: boolean;
}

export interface PlannedNode {
  readonly id: string;
  readonly type: NodeType;
  /** Parsed: defaults are filled in. */
  readonly config: unknown;
  /** The inputs that are wired. */
  readonly edges: readonly Edge[];
  readonly outputs: Readonly<Record<string, PortType>>;
  /** Nodes with equal cadences step in the same waves; `EVERY_WAVE` unless a node upstream ticks otherwise. */
  readonly cadence: string;
}

export const EVERY_WAVE = 'every wave';

export interface Plan {
  readonly about?: string;
  readonly waves?: number;
  readonly seed?: number;
  readonly prefetch?: number;
  /** Every node after those whose outputs it needs in the same wave. */
  readonly nodes: readonly PlannedNode[];
  /** The resolved type of an input, or else of an output: sizes that the graph left open stay letters. An opaque type is its name. */
  type(node: string, port: string): TensorShape | string | undefined;
  /** The same of an output, which an input may share its name with. */
  outputType(node: string, port: string): TensorShape | string | undefined;
  /** The number behind a letter of a node's ports, if the graph fixes it. */
  size(node: string, letter: string): number | undefined;
  /** The sizes behind a rest `...S` of a node's ports, if the graph fixes them all. */
  rest(node: string, letter: string): readonly number[] | undefined;
}
