/**
 * @file Leaves of networks by path. A layer is a function of a Scope: it asks for parameters and buffers by name and never keeps any.
 * All parameters of a network lie in one flat vector (its buffers in another), so that the optimiser is a handful of equations.
 */
import { traceError } from '../spec/issue.js';
import type { Draws, Initialiser } from './init.js';
import { concat, input, reshape, split } from './ops/index.js';
import { currentPlace, within, type Tensor } from './tensor.js';

export interface Leaf {
  readonly path: string;
  readonly dims: readonly number[];
  readonly init: Initialiser;
}
/** The leaves of a network in the order in which it asks for them. Parameters are trained, buffers (running statistics) move by themselves. */
export interface Layout { readonly parameters: readonly Leaf[]; readonly buffers: readonly Leaf[] }

/** A leaf that moves in the forward pass: its value now, and its value from here on. */
export interface Buffer { readonly value: Tensor; next(value: Tensor): void }

export interface Scope {
  /** Whether batch statistics are used and buffers move (training), or buffers are used as they are. */
  readonly training: boolean;
  readonly path: string;
  at(name: string): Scope;
  parameter(name: string, dims: readonly number[], init: Initialiser): Tensor;
  buffer(name: string, dims: readonly number[], init: Initialiser): Buffer;
}

/** Finds or makes a leaf's symbol. */
interface Leaves { find(kind: keyof Layout, leaf: Leaf): { value: Tensor } }

function scopeOf(leaves: Leaves, training: boolean, path = ''): Scope {
  const full = (name: string) => (path ? `${path}.${name}` : name);
  return {
    training, path,
    at: (name) => scopeOf(leaves, training, full(name)),
    parameter: (name, dims, init) => leaves.find('parameters', { path: full(name), dims, init }).value,
    buffer: (name, dims, init) => {
      const slot = leaves.find('buffers', { path: full(name), dims, init });
      return { get value() { return slot.value; }, next: (value) => { if (training) slot.value = value; } };
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
  const slots = new Map<string, { value: Tensor }>();
  const first = new Map<string, Tensor>();
  const result = network(scopeOf({
    find: (kind, leaf) => {
      let slot = slots.get(leaf.path);
      if (!slot) {
        slot = { value: input(leaf.path, { dtype: 'f32', dims: leaf.dims }) };
        layout[kind].push(leaf);
        slots.set(leaf.path, slot);
        first.set(leaf.path, slot.value);
      }
      return slot;
    },
  }, training));
  return { layout, leaves: first, result };
}

export const sizeOf = (leaves: readonly Leaf[]): number => leaves.reduce((n, leaf) => n + leaf.dims.reduce((a, b) => a * b, 1), 0);

/** The first values of a list of leaves, as the flat vector. `draws` gives a stream for each leaf by its path. */
export function initialise(leaves: readonly Leaf[], draws: (path: string) => Draws): Float32Array {
  const flat = new Float32Array(sizeOf(leaves));
  let offset = 0;
  for (const leaf of leaves) {
    const values = leaf.init(leaf.dims, draws(leaf.path));
    flat.set(values, offset);
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
  /** The flat buffers as of now in the trace; undefined if the network has none. */
  buffers: Tensor | undefined;
}

export function bind(name: string, layout: Layout, parameters: Tensor, buffers: Tensor | undefined): BoundNetwork {
  let flat = parameters;
  let cut = new Map<string, { value: Tensor }>();
  let original = new Map<string, Tensor>();
  let flatBuffers = buffers;
  const pieces = (leaves: readonly Leaf[], vector: Tensor) => {
    const parts = split(vector, leaves.map((leaf) => leaf.dims.reduce((a, b) => a * b, 1)), 0);
    return leaves.map((leaf, i) => [leaf.path, { value: reshape(parts[i]!, leaf.dims) }] as const);
  };
  const cutParameters = () => pieces(layout.parameters, flat);
  const moving = new Map(flatBuffers ? pieces(layout.buffers, flatBuffers) : []);
  const keep = () => { original = new Map([...moving].map(([path, slot]) => [path, slot.value])); };
  cut = new Map(cutParameters());
  keep();
  const leaves: Leaves = {
    find: (kind, leaf) => {
      const slot = (kind === 'parameters' ? cut : moving).get(leaf.path);
      if (!slot) throw traceError(currentPlace() || name, `${name}.${leaf.path}: the network asks for a leaf that its layout does not have`);
      return slot;
    },
  };
  return {
    layout,
    scope: (training) => scopeOf(leaves, training),
    get parameters() { return flat; },
    set parameters(next) { flat = next; cut = new Map(cutParameters()); },
    get buffers() {
      if (flatBuffers && [...moving].some(([path, slot]) => slot.value !== original.get(path))) {
        flatBuffers = concat(layout.buffers.map((leaf) => reshape(moving.get(leaf.path)!.value, [sizeOf([leaf])])), 0);
        keep();
      }
      return flatBuffers;
    },
    set buffers(next) {
      flatBuffers = next;
      if (next) for (const [path, slot] of pieces(layout.buffers, next)) moving.set(path, slot);
      keep();
    },
  };
}

/** Traces a network's part under its name, which errors show. */
export const named = <T>(name: string, scope: Scope, body: (scope: Scope) => T): T => within(scope.path ? `${scope.path}.${name}` : name, () => body(scope.at(name)));
