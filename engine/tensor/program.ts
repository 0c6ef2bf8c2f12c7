/** @file A program: a step traced once. Named inputs and outputs, and state that comes in as one version and leaves as the next. */
import { show, type TensorShape } from '../spec/tensor-type.js';
import type { Signature } from '../spec/signature.js';
import { input } from './ops/index.js';
import type { Tensor } from './tensor.js';

/** State of a program by name. A state whose `next` is its `value` is only read. */
export interface ProgramState { readonly value: Tensor; readonly next: Tensor }

export interface Program {
  readonly name: string;
  readonly inputs: Readonly<Record<string, Tensor>>;
  readonly state: Readonly<Record<string, ProgramState>>;
  readonly outputs: Readonly<Record<string, Tensor>>;
}

type Traced<S extends Readonly<Record<string, TensorShape>>> = { readonly [K in keyof S]: Tensor };
export interface Body { readonly next?: Readonly<Record<string, Tensor>>; readonly outputs: Readonly<Record<string, Tensor>> }

/** Traces `body` with symbols for its state and inputs. `next` names the states that change. */
export function program<const S extends Readonly<Record<string, TensorShape>>, const I extends Readonly<Record<string, TensorShape>>>(
  name: string, state: S, inputs: I, body: (state: Traced<S>, inputs: Traced<I>) => Body,
): Program {
  const symbols = <T extends Readonly<Record<string, TensorShape>>>(shapes: T) =>
    Object.fromEntries(Object.entries(shapes).map(([key, shape]) => [key, input(key, shape)])) as Traced<T>;
  const values = symbols(state), feeds = symbols(inputs);
  const { next = {}, outputs } = body(values, feeds);
  const entries = Object.entries<Tensor>(values).map(([key, value]) => {
    const after = next[key] ?? value;
    if (show(after.shape) !== show(value.shape)) throw new TypeError(`program ${name}: state ${key} is ${value}, its next version ${after}`);
    return [key, { value, next: after }] as const;
  });
  return { name, inputs: feeds, state: Object.fromEntries(entries), outputs };
}

/** The types of a program's inputs and outputs, state left out. */
export function signatureOf({ inputs, outputs }: Program): Signature {
  const shapes = (tensors: Readonly<Record<string, Tensor>>) => Object.fromEntries(Object.entries(tensors).map(([k, t]) => [k, t.shape]));
  return { inputs: shapes(inputs), outputs: shapes(outputs) };
}
