/** @file The last pass before encoding: sums that a matrix product or a convolution can start from become its third operand, which saves a pass over the result, and a copy of it. */
import { broadcastDims, sameDims } from './dims.js';
import { convolutionOp, matmulOp } from './ops/index.js';
import { apply, apply1, topological, within, type Equation, type Tensor } from './tensor.js';

/** What a product or a convolution, so far of two operands, can start from instead of having it added: a matrix or less to a matrix, a vector `[O]` as one number for each channel. */
function thirdOperand({ op }: Equation, result: Tensor, addend: Tensor): Tensor | undefined {
  if (op === matmulOp) return result.rank === 2 && addend.rank <= 2 && sameDims(broadcastDims(result.dims, addend.dims), result.dims) ? addend : undefined;
  if (op !== convolutionOp || addend.equation.op.name !== 'reshape') return undefined;
  const [bias] = addend.equation.inputs;
  return bias!.rank === 1 && sameDims(addend.dims, [result.dims[1]!, 1, 1]) ? bias : undefined;
}

/** The product or convolution of a sum and its third operand, if nothing else reads the result. */
function started({ op, inputs: [x, y] }: Equation, uses: ReadonlyMap<Tensor, number>): readonly [Equation, Tensor] | undefined {
  if (op.name !== 'add') return undefined;
  for (const [result, addend] of [[y!, x!], [x!, y!]] as const) {
    const { equation } = result, operand = equation.inputs.length === 2 && uses.get(result) === 1 ? thirdOperand(equation, result, addend) : undefined;
    if (operand) return [equation, operand];
  }
  return undefined;
}

/** Tensors with the values of `roots`, sums fused into products. */
export function fuse(roots: readonly Tensor[]): Tensor[] {
  const order = topological(roots), uses = new Map<Tensor, number>(), now = new Map<Tensor, Tensor>();
  for (const t of [...roots, ...order.flatMap((equation) => equation.inputs)]) uses.set(t, (uses.get(t) ?? 0) + 1);
  const renewed = (t: Tensor) => now.get(t)!;
  for (const equation of order) {
    const { op, inputs, attrs, outputs, where } = equation, found = started(equation, uses);
    if (found) {
      const [whole, addend] = found;
      now.set(outputs[0]!, within(where, () => apply1(whole.op, [...whole.inputs, addend].map(renewed), whole.attrs)));
    } else {
      const same = inputs.every((t) => renewed(t) === t), results = same ? outputs : within(where, () => apply(op, inputs.map(renewed), attrs));
      outputs.forEach((t, i) => { now.set(t, results[i]!); });
    }
  }
  return roots.map(renewed);
}
