/** @file A node type: a step `(state, inputs) -> (state, outputs)` with typed ports and a clock per input. */
import type { ZodType } from 'zod';
import type { TensorShape, TensorType } from '../spec/tensor-type.js';
import type { Tensorial, Value } from '../spec/value.js';
import type { Random } from '../session/keyed-random.js';
import type { Services, WaveContext } from './context.js';

/** A tensor's type, or an opaque type compared by name: `@weights`, `@metrics`. Sizes travel with opaque values, too, and unify like a tensor's: `@dataset[L,...S]`. */
export type PortType = TensorType | `@${string}`;

/** How an input meets time: an event (a step in the waves in which it arrives), held (the last value), or held and one wave late. */
export type Port = PortType | { readonly latest: PortType } | { readonly previous: PortType };
export type Ports = Readonly<Record<string, Port>>;
/** Outputs have no clock of their own. */
export type OutputPorts = Readonly<Record<string, PortType>>;

export type TypeOf<P extends Port> = P extends { readonly latest: infer T } ? T : P extends { readonly previous: infer T } ? T : P;
export type ValueOf<P extends Port> = TypeOf<P> extends TensorType ? Tensorial : Value;
/** Inputs written `name?` in a type's ports are optional; the editor sees them without the mark. */
export type Values<P extends Ports> = { readonly [K in keyof P as K extends `${string}?` ? never : K]: ValueOf<P[K]> } & {
  readonly [K in keyof P as K extends `${infer Name}?` ? Name : never]?: ValueOf<P[K]>;
};

/** What a node type gives when it is started: its first state and its step. Resources live in the closure, everything that must survive a resume in the state. */
export interface Behaviour<S, I, O> {
  /** Plain data and tensors: this is the checkpoint. On resume the saved one takes its place. */
  readonly state: S;
  /** What readers of held edges see before the first step (after a resume, too, for transient values). */
  initial?(state: S): Partial<O>;
  /** One step. Emits an output by naming it; an output left out does not tick in this wave. */
  step(state: S, inputs: I, wave: WaveContext): Promise<Stepped<S, O>> | Stepped<S, O>;
  /** Frees what `start` opened. */
  close?(): Promise<void> | void;
}
export interface Stepped<S, O> {
  readonly state: S;
  readonly outputs: Partial<O>;
}

/** What a composed graph says of a node's place: its name, which inputs are wired, and the types that its ports were unified to. */
export interface CheckContext {
  readonly node: string;
  wired(port: string): boolean;
  /** The resolved type of an input or output port; sizes that the graph left open stay symbols. */
  type(port: string): TensorShape;
}

/** What a node knows of its place when it starts: that, its sizes, and the services. */
export interface StartContext extends CheckContext {
  readonly services: Services;
  /** Aborted when the run is asked to stop while its nodes start: work that takes long is left where it is. */
  readonly signal: AbortSignal;
  /** Random numbers for first values, keyed by (seed, node, name). */
  random(name: string): Random;
  /** A resolved size by its letter in this node's ports (`'K'`); an error naming the port if the graph leaves it open. */
  size(letter: string): number;
  /** The resolved sizes that the rest `...S` stands for. */
  rest(letter: string): readonly number[];
}

// biome-ignore lint/suspicious/noExplicitAny: a list of node types holds every configuration, port and state
type Any = any;

export interface NodeType<Name extends string = string, C = Any, I extends Ports = Any, O extends OutputPorts = Any, S = Any> {
  /** `family/name`. */
  readonly name: Name;
  /** One sentence, shown by `gantry nodes`. */
  readonly about: string;
  /** Raised when an old graph file would mean something else; `migrate` turns the config of an older version into this one's. */
  readonly version?: number;
  migrate?(config: unknown, from: number): unknown;
  readonly config: ZodType<C>;
  readonly inputs: I | ((config: C) => I);
  readonly outputs: O | ((config: C) => O);
  /** Sizes that the configuration fixes, by letter. May read files (a model's signature). */
  dims?(config: C, services: Services): Readonly<Record<string, number>> | Promise<Readonly<Record<string, number>>>;
  /** Throws for people what only the composed graph can tell: an image that its networks can't make. Asked of graphs without other issues. */
  check?(config: C, context: CheckContext): void;
  /** Known cadence: emits in every wave unless it says otherwise; a name, equal for nodes that tick together. */
  readonly cadence?: (config: C) => string;
  start(config: C, context: StartContext): Promise<Behaviour<S, Values<I>, Values<O>>> | Behaviour<S, Values<I>, Values<O>>;
}

/** Registers nothing: gives a node type its inferred types. A plugin lists it. */
export function defineNode<const Name extends string, C, const I extends Ports, const O extends OutputPorts, S>(
  type: NodeType<Name, C, I, O, S>,
): NodeType<Name, C, I, O, S> {
  return type;
}
