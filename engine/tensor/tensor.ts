/** @file The fine graph: tensors are symbols of a trace, made by equations. Recording knows nothing of derivatives. */
import { traceError } from '../spec/issue.js';
import { show, type Dim, type DType, type TensorShape } from '../spec/tensor-type.js';
import type { Op } from './op.js';

/** Plain data only: attributes are printed, compared and hashed. */
export type Attribute = number | string | boolean | readonly Attribute[] | Float64Array;
export type Attributes = Readonly<Record<string, Attribute>>;

/** One application of an operator. */
export interface Equation {
  readonly op: Op;
  readonly inputs: readonly Tensor[];
  readonly attrs: Attributes;
  readonly outputs: readonly Tensor[];
  /** The path of scopes in which it was traced: `discriminator phase, discriminator.fc1`. */
  readonly where: string;
}

/** A symbol: the `index`-th output of an equation. Sizes are numbers, or symbols in programs for any batch. */
export class Tensor {
  constructor(
    readonly equation: Equation,
    readonly index: number,
    readonly dtype: DType,
    readonly dims: readonly Dim[],
  ) {}
  get rank(): number { return this.dims.length; }
  get shape(): TensorShape { return { dtype: this.dtype, dims: this.dims }; }
  toString(): string { return show(this.shape); }
}

const places: string[] = [];

/** Traces `body` under a name that errors show. */
export function within<T>(place: string, body: () => T): T {
  places.push(place);
  try { return body(); } finally { places.pop(); }
}
export const currentPlace = (): string => places.filter(Boolean).join(', ');

/** Thrown by an operator's type rule; `apply` adds the operator and the place. */
export class RuleError extends Error {}

/** Records one equation. Operators' public functions call it; nobody else does. */
export function apply(op: Op, inputs: readonly Tensor[], attrs: Attributes = {}): readonly Tensor[] {
  let shapes: readonly TensorShape[];
  try {
    shapes = op.infer(inputs.map((t) => t.shape), attrs);
  } catch (error) {
    if (!(error instanceof RuleError)) throw error;
    throw traceError(currentPlace() || 'program', `${op.name}(${inputs.join(', ')}): ${error.message}`);
  }
  const outputs: Tensor[] = [];
  const equation: Equation = { op, inputs, attrs, outputs, where: currentPlace() };
  for (const [index, { dtype, dims }] of shapes.entries()) outputs.push(new Tensor(equation, index, dtype, dims));
  return outputs;
}

/** Records an equation with one output. */
export const apply1 = (op: Op, inputs: readonly Tensor[], attrs?: Attributes): Tensor => apply(op, inputs, attrs)[0]!;

/** All equations that `roots` depend on, each after those it uses. Iterative: programs are deep. */
export function topological(roots: readonly Tensor[]): Equation[] {
  const order: Equation[] = [];
  const seen = new Set<Equation>();
  const stack: { equation: Equation; next: number }[] = [];
  const visit = (equation: Equation) => {
    if (seen.has(equation)) return;
    seen.add(equation);
    stack.push({ equation, next: 0 });
  };
  for (const root of roots) {
    visit(root.equation);
    while (stack.length) {
      const top = stack[stack.length - 1]!;
      const input = top.equation.inputs[top.next++];
      if (input) visit(input.equation);
      else order.push(stack.pop()!.equation);
    }
  }
  return order;
}

/**
 * Tensors with the values of `roots`, made anew equation by equation. `change` gives the results of an equation that is to be another, from its renewed inputs; for the rest undefined: they
 * stay, or are the same of renewed inputs.
 */
export function rewritten(roots: readonly Tensor[], change: (equation: Equation, renewed: (t: Tensor) => Tensor) => readonly Tensor[] | undefined): Tensor[] {
  const now = new Map<Tensor, Tensor>(), renewed = (t: Tensor) => now.get(t)!;
  for (const equation of topological(roots)) {
    const { op, inputs, attrs, outputs, where } = equation;
    const results = within(where, () => change(equation, renewed) ?? (inputs.every((t) => renewed(t) === t) ? outputs : apply(op, inputs.map(renewed), attrs)));
    outputs.forEach((t, i) => { now.set(t, results[i]!); });
  }
  return roots.map(renewed);
}
