/** @file The last pass before encoding: sums that a matrix product or a convolution can start from become its third operand, which saves a pass over the result, and a copy of it. */
import { broadcastDims, sameDims } from './dims.js';
import { convolutionOp, matmulOp } from './ops/index.js';
import { apply, apply1, topological, within, type Equation, type Tensor } from './tensor.js';

/** The product and the addend of a sum, if nothing else reads the product. */
function productPlus({ op, inputs: [x, y], outputs: [out] }: Equation, uses: ReadonlyMap<Tensor, number>): readonly [Equation, Tensor] | undefined {
  if (op.name !== 'add' || out!.rank !== 2) return undefined;
  for (const [product, addend] of [[y!, x!], [x!, y!]] as const) {
    const { equation } = product;
    const fits = sameDims(product.dims, out!.dims) && addend.rank <= 2 && sameDims(broadcastDims(product.dims, addend.dims), product.dims);
    if (equation.op === matmulOp && equation.inputs.length === 2 && uses.get(product) === 1 && fits) return [equation, addend];
  }
  return undefined;
}

/** The convolution and the vector `[O]` of a sum with one number for each channel, if nothing else reads the convolution. */
function convolutionPlus({ op, inputs: [x, y] }: Equation, uses: ReadonlyMap<Tensor, number>): readonly [Equation, Tensor] | undefined {
  if (op.name !== 'add') return undefined;
  for (const [result, addend] of [[x!, y!], [y!, x!]] as const) {
    const { equation } = result, [bias] = addend.equation.op.name === 'reshape' ? addend.equation.inputs : [];
    const fits = bias?.rank === 1 && result.rank === 4 && sameDims(addend.dims, [result.dims[1]!, 1, 1]);
    if (equation.op === convolutionOp && equation.inputs.length === 2 && uses.get(result) === 1 && fits) return [equation, bias];
  }
  return undefined;
}

/** Tensors with the values of `roots`, sums fused into products. */
export function fuse(roots: readonly Tensor[]): Tensor[] {
  const order = topological(roots), uses = new Map<Tensor, number>(), now = new Map<Tensor, Tensor>();
  for (const t of [...roots, ...order.flatMap((equation) => equation.inputs)]) uses.set(t, (uses.get(t) ?? 0) + 1);
  const renewed = (t: Tensor) => now.get(t)!;
  for (const equation of order) {
    const { op, inputs, attrs, outputs, where } = equation, found = productPlus(equation, uses) ?? convolutionPlus(equation, uses);
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
