/** @file The last pass before encoding: sums that a matrix product or a convolution can start from become its third operand, which saves a pass over the result, and a copy of it. */
import { broadcastDims, sameDims } from './dims.js';
import { convolutionOp, matmulOp } from './ops/index.js';
import { apply1, rewritten, topological, type Equation, type Tensor } from './tensor.js';

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
  const uses = new Map<Tensor, number>();
  for (const t of [...roots, ...topological(roots).flatMap((equation) => equation.inputs)]) uses.set(t, (uses.get(t) ?? 0) + 1);
  return rewritten(roots, (equation, renewed) => {
    const found = started(equation, uses);
    return found && [apply1(found[0].op, [...found[0].inputs, found[1]].map(renewed), found[0].attrs)];
  });
}
