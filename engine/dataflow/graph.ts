/** @file A graph: nodes by id, each with its type, configuration and the outputs that its inputs read. JSON and TypeScript have this one shape. */
import type { Fits } from '../spec/fits.js';
import type { NodeType, Port, Ports, TypeOf } from './node.js';

/** One node. Edges are written at their consumer: `in: { image: 'data.image' }`. */
export interface GraphNode {
  /** A registered name (`'data/mixture'`), or in TypeScript the node type itself. */
  readonly type: string | NodeType;
  /** Version of the node type this configuration was written for; 1 if absent. */
  readonly version?: number;
  readonly config?: unknown;
  readonly in?: Readonly<Record<string, string>>;
}

export interface Graph {
  readonly $schema?: string;
  /** Version of the file format. */
  readonly gantry?: number;
  readonly about?: string;
  /** Packages or local files whose node types the graph uses. */
  readonly plugins?: readonly string[];
  /** How many waves a run has. */
  readonly waves?: number;
  readonly seed?: number;
  /** How many waves may be under way at once. */
  readonly prefetch?: number;
  readonly nodes: Readonly<Record<string, GraphNode>>;
}

/** The newest file format that this program reads. */
export const FORMAT = 1;

/** Carries the sentence that the editor shows under a wrong reference. */
export interface Wrong<Why extends string> { readonly wrong: Why }

type Nodes = Readonly<Record<string, GraphNode>>;
type Plain<I extends string> = I extends `${infer Name}?` ? Name : I;
type InputsOf<T> = T extends NodeType<infer _N, infer _C, infer I, infer _O, infer _S> ? (I extends Ports ? I : never) : never;
type OutputsOf<T> = T extends NodeType<infer _N, infer _C, infer _I, infer O, infer _S> ? O : never;
type ConfigOf<T> = T extends NodeType<infer _N, infer C, infer _I, infer _O, infer _S> ? Given<C> : unknown;
/** A configuration as it is written: what has a default may be left out, and compose says what may not. */
type Given<C> = C extends readonly unknown[] ? C : C extends object ? { readonly [K in keyof C]?: Given<C[K]> } : C;

type Names<P> = keyof P & string;
/** The port written `name` or `name?`. */
type InputPort<I, P extends string> = P extends keyof I ? I[P] : `${P}?` extends keyof I ? I[`${P}?`] : never;
type Spelling<P> = P extends Port ? TypeOf<P> & string : never;

/** The type of the output that a reference names, or the sentence that says why it names none. */
type Resolve<G extends Nodes, R> =
  R extends `${infer Id}.${infer Out}`
    ? Id extends keyof G
      ? G[Id]['type'] extends string ? string
      : string extends Names<OutputsOf<G[Id]['type']>> ? string
      : Out extends Names<OutputsOf<G[Id]['type']>> ? Spelling<OutputsOf<G[Id]['type']>[Out]>
      : { no: `"${Id}" has no output "${Out}"; it has ${Names<OutputsOf<G[Id]['type']>>}` }
    : { no: `there is no node "${Id}" in this graph` }
  : { no: 'write "node.output"' };

type CheckEdge<Out, In extends string, R extends string, P extends string> =
  Out extends { no: infer Why extends string } ? Wrong<Why>
  : Out extends string
    ? Fits<Out, In> extends infer F
      ? F extends true ? R : F extends string ? Wrong<`${R} is ${Out}; ${P} wants ${In}: ${F}`> : never
      : never
    : never;

type CheckIn<G extends Nodes, I extends Ports, R> =
  & { readonly [P in keyof R]: P extends Plain<Names<I>>
      ? CheckEdge<Resolve<G, R[P]>, Spelling<InputPort<I, P>>, R[P] & string, P>
      : Wrong<`there is no input "${P & string}"; there is ${Plain<Names<I>>}`> }
  & { readonly [P in Exclude<Names<I>, `${string}?`>]: string };

type CheckNode<G extends Nodes, N extends GraphNode> =
  N['type'] extends string ? GraphNode
  : { readonly type: N['type']; readonly version?: number; readonly config?: ConfigOf<N['type']> }
    & (string extends Names<InputsOf<N['type']>> ? { readonly in?: Readonly<Record<string, string>> }
      : [Exclude<Names<InputsOf<N['type']>>, `${string}?`>] extends [never] ? { readonly in?: CheckIn<G, InputsOf<N['type']>, N['in']> }
      : { readonly in: CheckIn<G, InputsOf<N['type']>, N['in']> });

type Check<G extends Nodes> = { readonly [Id in keyof G]: CheckNode<G, G[Id]> };

/**
 * A graph in TypeScript. Where a node's `type` is the node type itself, the editor checks nodes, ports, dtypes, ranks, literal sizes and
 * configurations; symbolic sizes are checked when the graph is composed.
 */
export function defineGraph<const N extends Nodes>(graph: Omit<Graph, 'nodes'> & { readonly nodes: N & Check<N> }): Graph {
  return graph;
}
