/** @file An operator: its type rule, gradient, float64 meaning and ONNX form in one object. There is no other table. */
import type { TensorShape } from '../spec/tensor-type.js';
import type { TypedArray } from '../spec/value.js';
import type { Attributes, Equation, Tensor } from './tensor.js';

/** An array of the float64 interpreter: row-major, sizes known. Integers and booleans are numbers, too. */
export interface NdArray {
  readonly dims: readonly number[];
  readonly data: Float64Array;
}

export interface Transposition { readonly of: string; readonly perm: readonly number[] }

/** Writes ONNX nodes while a program is encoded. Names are SSA value names. */
export interface Emitter {
  /** Adds a node and gives the names of its outputs. Equal nodes are one, except those that want to be `alone`; transpositions of transpositions are one, too. */
  node(type: string, inputs: readonly string[], attributes?: Readonly<Record<string, OnnxAttribute>>, outputs?: number, alone?: boolean): readonly string[];
  /** Of which value, by which order of its axes, this one is a transposition. */
  origin(name: string): Transposition | undefined;
  /** Converts a value to another element type. */
  cast(input: string, to: TensorShape['dtype']): string;
  /** Adds a constant (merged with equal ones). */
  constant(dtype: TensorShape['dtype'], dims: readonly number[], data: TypedArray | readonly number[]): string;
}
export type OnnxAttribute = number | { readonly float: number } | string | readonly number[] | { readonly floats: readonly number[] };

export interface Op {
  /** Each element of the output comes from those at the same place of the inputs, which broadcast. */
  readonly elementwise?: true;
  readonly name: string;
  /** Types of the outputs, or a `RuleError` that says what is and what is wanted. */
  infer(inputs: readonly TensorShape[], attrs: Attributes): readonly TensorShape[];
  /**
   * Cotangents of the inputs from those of the outputs, written in operators, so that gradients of gradients cost no code.
   * Absent on operators without a useful derivative (comparisons, argmax, integer results): their inputs get none.
   */
  vjp?(equation: Equation, cotangents: readonly (Tensor | undefined)[]): readonly (Tensor | undefined)[];
  /** The operator in float64: the oracle of every device and the constant folder. */
  eval(inputs: readonly NdArray[], attrs: Attributes, outputs: readonly (readonly number[])[]): readonly Float64Array[];
  /** The operator in ONNX (opset 17 and up), from the names of its inputs to the names of its outputs. */
  lower(emit: Emitter, inputs: readonly string[], equation: Equation): readonly string[];
}
