/**
 * @file Leaves of networks by path. A layer is a function of a Scope: it asks for parameters and buffers by name and never keeps any.
 * All parameters of a network lie in one flat vector (its buffers in another), so that the optimiser is a handful of equations.
 */
import { traceError } from '../spec/issue.js';
import type { Draws, Initialiser } from './init.js';
import { add, concat, constant, input, mul, reshape, split } from './ops/index.js';
import type { Slices } from './slices.js';
import { currentPlace, within, type Tensor } from './tensor.js';

export interface Leaf {
  readonly path: string;
  readonly dims: readonly number[];
  readonly init: Initialiser;
}
/** The leaves of a network in the order in which it asks for them. Parameters are trained, buffers (running statistics) move by themselves. */
export interface Layout { readonly parameters: readonly Leaf[]; readonly buffers: readonly Leaf[] }

/** A leaf that moves in the forward pass. */
export interface Buffer {
  /** As of now in the trace. */
  readonly value: Tensor;
  /** Its value from here on. */
  next(value: Tensor): void;
  /** From here on (1 - share) of its value plus share * scale of `to`. All buffers of a network that do so move in a few equations together. */
  average(to: Tensor, share: number, scale?: number): void;
}

export interface Scope {
  /** Whether batch statistics are used and buffers move (training), or buffers are used as they are. */
  readonly training: boolean;
  readonly path: string;
  at(name: string): Scope;
  parameter(name: string, dims: readonly number[], init: Initialiser): Tensor;
  buffer(name: string, dims: readonly number[], init: Initialiser): Buffer;
}

/** Finds or makes the symbols of leaves. */
interface Leaves {
  parameter(leaf: Leaf): Tensor;
  buffer(leaf: Leaf): Buffer;
}

function scopeOf(leaves: Leaves, training: boolean, path = ''): Scope {
  const full = (name: string) => (path ? `${path}.${name}` : name);
  return {
    training, path,
    at: (name) => scopeOf(leaves, training, full(name)),
    parameter: (name, dims, init) => leaves.parameter({ path: full(name), dims, init }),
    buffer(name, dims, init) {
      const buffer = leaves.buffer({ path: full(name), dims, init });
      return training ? buffer : { get value() { return buffer.value; }, next: () => {}, average: () => {} };
    },
  };
}

/** Traces a network once for its leaves. */
export function layoutOf(network: (scope: Scope) => unknown, training = true): Layout {
  return separate(network, training).layout;
}

/** Traces a network with one symbol for each leaf, named by its path: the form in which it is exported. */
export function separate<R>(network: (scope: Scope) => R, training = false): { layout: Layout; leaves: ReadonlyMap<string, Tensor>; result: R } {
  const layout = { parameters: [] as Leaf[], buffers: [] as Leaf[] };
  const leaves = new Map<string, Tensor>();
  const find = (kind: keyof Layout, leaf: Leaf): Tensor => {
    const known = leaves.get(leaf.path) ?? input(leaf.path, { dtype: 'f32', dims: leaf.dims });
    if (!leaves.has(leaf.path)) layout[kind].push(leaf);
    leaves.set(leaf.path, known);
    return known;
  };
  const result = network(scopeOf({ parameter: (leaf) => find('parameters', leaf), buffer: (leaf) => ({ value: find('buffers', leaf), next: () => {}, average: () => {} }) }, training));
  return { layout, leaves, result };
}

export const sizeOf = (leaves: readonly Leaf[]): number => leaves.reduce((n, leaf) => n + leaf.dims.reduce((a, b) => a * b, 1), 0);

/** Where each leaf lies in the flat vector of all: from one index to before another. */
export function* placesOf(leaves: readonly Leaf[]): Generator<{ readonly leaf: Leaf; readonly from: number; readonly to: number }> {
  let from = 0;
  for (const leaf of leaves) {
    const to = from + sizeOf([leaf]);
    yield { leaf, from, to };
    from = to;
  }
}

/** Numbers that a slice copies: memory that is new to the process takes its time. */
const COPIED = 1 << 20;

/** The first values of a list of leaves, as the flat vector, in slices. `draws` gives a stream for each leaf by its path. */
export function* initialise(leaves: readonly Leaf[], draws: (path: string) => Draws): Slices<Float32Array> {
  const flat = new Float32Array(sizeOf(leaves));
  let offset = 0;
  for (const leaf of leaves) {
    const { init, dims, path } = leaf, values = init.slices ? yield* init.slices(dims, draws(path)) : init(dims, draws(path));
    for (let from = 0; from < values.length; from += COPIED) {
      flat.set(values.subarray(from, from + COPIED), offset + from);
      yield;
    }
    offset += values.length;
  }
  return flat;
}

/** A network whose leaves are cut from flat vectors. Reading a leaf after `parameters` was set gives the new version. */
export interface BoundNetwork {
  readonly layout: Layout;
  scope(training: boolean): Scope;
  /** The flat parameters as of now in the trace. */
  parameters: Tensor;
  /** One parameter as of now in the trace. */
  leaf(path: string): Tensor;
  /** The flat buffers as of now in the trace; undefined if the network has none. */
  readonly buffers: Tensor | undefined;
}

const vector = (values: readonly number[]) => constant(Float64Array.from(values), 'f32', [values.length]);
const cut = (leaves: readonly Leaf[], flat: Tensor): ReadonlyMap<string, Tensor> => {
  const parts = split(flat, leaves.map((leaf) => sizeOf([leaf])), 0);
  return new Map(leaves.map((leaf, i) => [leaf.path, reshape(parts[i]!, leaf.dims)]));
};

export function bind(name: string, layout: Layout, parameters: Tensor, buffers: Tensor | undefined): BoundNetwork {
  let flat = parameters, pieces = cut(layout.parameters, flat);
  const moving = movingBuffers(layout.buffers, buffers);
  const known = <T>(found: T | undefined, path: string): T => {
    if (found === undefined) throw traceError(currentPlace() || name, `${name}.${path}: the network asks for a leaf that its layout does not have`);
    return found;
  };
  const leaves: Leaves = { parameter: ({ path }) => network.leaf(path), buffer: ({ path }) => known(moving.find(path), path) };
  const network: BoundNetwork = {
    layout,
    scope: (training) => scopeOf(leaves, training),
    leaf: (path) => known(pieces.get(path), path),
    get parameters() { return flat; },
    set parameters(next) {
      flat = next;
      pieces = cut(layout.parameters, flat);
    },
    get buffers() { return moving.flat(); },
  };
  return network;
}

/** The buffers of a network: one vector, what was put in place of parts of it, and averages that have not been taken yet. */
function movingBuffers(layout: readonly Leaf[], first: Tensor | undefined) {
  let whole = first, pieces: ReadonlyMap<string, Tensor> | undefined;
  const replaced = new Map<string, Tensor>();
  const averaged = new Map<string, { readonly to: Tensor; readonly share: number; readonly scale: number }>();
  const now = (path: string): Tensor => {
    pieces ??= cut(layout, whole!);
    return replaced.get(path) ?? pieces.get(path)!;
  };
  const become = (next: Tensor): Tensor => {
    [whole, pieces] = [next, undefined];
    replaced.clear();
    averaged.clear();
    return next;
  };
  const joined = (part: (leaf: Leaf) => Tensor) => concat(layout.map((leaf) => reshape(part(leaf), [sizeOf([leaf])])), 0);
  const spread = (number: (path: string) => number) => vector(layout.flatMap((leaf) => Array<number>(sizeOf([leaf])).fill(number(leaf.path))));

  const flat = (): Tensor | undefined => {
    if (replaced.size) {
      const before = joined(({ path }) => now(path)), pending = [...averaged];
      become(before);
      for (const [path, average] of pending) averaged.set(path, average);
    }
    if (!averaged.size) return whole;
    const target = joined(({ path }) => averaged.get(path)?.to ?? now(path));
    const keep = spread((path) => 1 - (averaged.get(path)?.share ?? 1));
    const take = spread((path) => { const { share, scale } = averaged.get(path) ?? { share: 1, scale: 1 }; return share * scale; });
    return become(add(mul(whole!, keep), mul(target, take)));
  };
  const find = (path: string): Buffer | undefined => first && layout.some((leaf) => leaf.path === path) ? {
    get value() {
      if (averaged.has(path)) flat();
      return now(path);
    },
    next(value) {
      averaged.delete(path);
      replaced.set(path, value);
    },
    average(to, share, scale = 1) {
      if (averaged.has(path)) flat();
      averaged.set(path, { to, share, scale });
    },
  } : undefined;
  return { flat, find };
}

/** Traces a network's part under its name, which errors show. */
export const named = <T>(name: string, scope: Scope, body: (scope: Scope) => T): T => within(scope.path ? `${scope.path}.${name}` : name, () => body(scope.at(name)));
