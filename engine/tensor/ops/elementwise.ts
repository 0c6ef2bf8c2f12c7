/** @file Makers of elementwise operators: one line of meaning, one of ONNX, one of gradient; sizes and broadcasting are here. */
import type { DType } from '../../spec/tensor-type.js';
import { spread } from '../array.js';
import { broadcastDims } from '../dims.js';
import type { Emitter, Op } from '../op.js';
import { apply1, RuleError, Tensor, type Attributes } from '../tensor.js';
import { sumTo } from './broadcast.js';
import { constant } from './source.js';

/** An operand: a tensor, or a number of the other operand's type. */
export type Operand = Tensor | number;
export const operand = (x: Operand, like: Operand): Tensor =>
  x instanceof Tensor ? x : constant(x, like instanceof Tensor ? like.dtype : 'f32');

export type Family = 'real' | 'number' | 'bool' | 'any';
const FAMILIES: Readonly<Record<Family, readonly DType[]>> = {
  real: ['f32', 'f64'], number: ['f32', 'f64', 'i64', 'i32', 'u8'], bool: ['bool'], any: ['f32', 'f64', 'i64', 'i32', 'u8', 'bool'],
};
/** Refuses element types outside a family. */
export function want(family: Family, ...dtypes: readonly DType[]): void {
  for (const dtype of dtypes) if (!FAMILIES[family].includes(dtype)) throw new RuleError(`wants ${FAMILIES[family].join(' or ')}, got ${dtype}`);
}

/** The nodes of an operator: an ONNX name, or a function from names to a name. */
export type Lowering = string | ((emit: Emitter, inputs: readonly string[], attrs: Attributes, dtype: DType) => string);
function lowering(onnx: Lowering): Op['lower'] {
  return (emit, inputs, { attrs, inputs: [x] }) =>
    (typeof onnx === 'string' ? emit.node(onnx, inputs) : [onnx(emit, inputs, attrs, x!.dtype)]);
}

export interface UnaryRule {
  readonly eval: (x: number, attrs: Attributes) => number;
  readonly onnx: Lowering;
  /** The cotangent of x from that of y, x and y. */
  readonly vjp?: (ct: Tensor, x: Tensor, y: Tensor, attrs: Attributes) => Tensor;
  /** What x may be: `real` unless given. */
  readonly of?: Family;
}
export function unaryOp(name: string, { eval: f, onnx, vjp, of = 'real' }: UnaryRule): Op {
  return {
    name,
    elementwise: true,
    infer([x]) {
      want(of, x!.dtype);
      return [x!];
    },
    ...(vjp && { vjp: ({ inputs: [x], outputs: [y], attrs }, [ct]) => [vjp(ct!, x!, y!, attrs)] }),
    eval: ([x], attrs) => [x!.data.map((v) => f(v, attrs))],
    lower: lowering(onnx),
  };
}
export type Unary = ((x: Tensor) => Tensor) & { readonly op: Op };
/** The function of a unary operator, with the operator beside it. */
export function unary(name: string, rule: UnaryRule): Unary {
  const op = unaryOp(name, rule);
  return Object.assign((x: Tensor) => apply1(op, [x]), { op });
}

export interface BinaryRule {
  readonly eval: (x: number, y: number) => number;
  readonly onnx: Lowering;
  /** The cotangents of x and y before they are summed to their sizes. */
  readonly vjp?: (ct: Tensor, x: Tensor, y: Tensor, z: Tensor) => readonly [Tensor, Tensor];
  readonly of?: Family;
  readonly gives?: DType;
}
export type Binary = ((x: Operand, y: Operand) => Tensor) & { readonly op: Op };
/** The function of a binary operator whose operands broadcast, with the operator beside it. */
export function binary(name: string, { eval: f, onnx, vjp, of = 'number', gives }: BinaryRule): Binary {
  const op: Op = {
    name,
    elementwise: true,
    infer([x, y]) {
      if (x!.dtype !== y!.dtype) throw new RuleError(`${x!.dtype} is not ${y!.dtype}`);
      want(of, x!.dtype);
      return [{ dtype: gives ?? x!.dtype, dims: broadcastDims(x!.dims, y!.dims) }];
    },
    ...(vjp && {
      vjp({ inputs: [x, y], outputs: [z] }, [ct]) {
        const [dx, dy] = vjp(ct!, x!, y!, z!);
        return [sumTo(dx, x!.dims), sumTo(dy, y!.dims)];
      },
    }),
    eval([x, y], _, [dims]) {
      const b = spread(y!, dims!);
      return [spread(x!, dims!).map((v, i) => f(v, b[i]!))];
    },
    lower: lowering(onnx),
  };
  return Object.assign((x: Operand, y: Operand) => apply1(op, [operand(x, y), operand(y, x)]), { op });
}
