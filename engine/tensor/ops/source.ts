/** @file Where values come from: inputs and constants. */
import type { DType, TensorShape } from '../../spec/tensor-type.js';
import { count } from '../array.js';
import { numbers, type Dims } from '../dims.js';
import type { Op } from '../op.js';
import { apply1, RuleError, type Tensor } from '../tensor.js';

export const inputOp: Op = {
  name: 'input',
  infer: (_, { dtype, dims }) => [{ dtype: dtype as DType, dims: dims as Dims }],
  eval: (_, { name }) => { throw new Error(`input ${name} has no value`); },
  lower: (_emit, _inputs, { attrs }) => [attrs.name as string],
};

/** A symbol of this type that the caller of the program feeds. */
export const input = (name: string, { dtype, dims }: TensorShape): Tensor => apply1(inputOp, [], { name, dtype, dims });

/** Filled constants of more elements are made at run time, so that they do not swell the file. */
const SPELLED_OUT = 256;

export const constantOp: Op = {
  name: 'constant',
  infer(_, { dtype, dims, value }) {
    const sizes = numbers(dims as Dims, 'a constant');
    if (typeof value !== 'number' && (value as Float64Array).length !== count(sizes)) {
      throw new RuleError(`[${sizes}] wants ${count(sizes)} elements, got ${(value as Float64Array).length}`);
    }
    return [{ dtype: dtype as DType, dims: sizes }];
  },
  eval: (_, { value }, [dims]) => [typeof value === 'number' ? new Float64Array(count(dims!)).fill(value) : value as Float64Array],
  lower(emit, _, { attrs: { value }, outputs: [out] }) {
    const { dtype } = out!, dims = out!.dims as readonly number[];
    if (typeof value !== 'number') return [emit.constant(dtype, dims, value as Float64Array)];
    if (count(dims) <= SPELLED_OUT) return [emit.constant(dtype, dims, new Float64Array(count(dims)).fill(value))];
    return emit.node('Expand', [emit.constant(dtype, [], [value]), emit.constant('i64', [dims.length], dims)]);
  },
};

/** A constant: one number that fills `dims`, or its elements in row-major order (sizes: their number, unless given). */
export const constant = (value: number | readonly number[] | Float64Array, dtype: DType = 'f32', dims?: Dims): Tensor =>
  typeof value === 'number'
    ? apply1(constantOp, [], { value, dtype, dims: dims ?? [] })
    : apply1(constantOp, [], { value: Float64Array.from(value), dtype, dims: dims ?? [value.length] });

/** 0, 1, …, n-1. */
export const iota = (n: number, dtype: DType = 'i64'): Tensor => constant(Float64Array.from({ length: n }, (_, i) => i), dtype);
