/** @file Reverse-mode differentiation: more of the same program, so the gradient of a gradient needs nothing new. */
import { traceError } from '../spec/issue.js';
import { add, constant } from './ops/index.js';
import { currentPlace, topological, type Tensor } from './tensor.js';

const differentiable = (t: Tensor) => t.dtype === 'f32' || t.dtype === 'f64';

/** The derivative of a scalar by each of `wrt`, zeros where it does not depend on it. */
export function grad(loss: Tensor, wrt: readonly Tensor[]): Tensor[] {
  if (loss.rank !== 0) throw traceError(currentPlace() || 'grad', `grad wants a scalar f32[], got ${loss}: take its sum or mean first`);
  const order = topological([loss]);
  const wanted = new Set(wrt);
  const active = new Set<Tensor>(wrt);
  for (const { inputs, outputs } of order) if (inputs.some((t) => active.has(t))) outputs.forEach((t) => active.add(t));

  const cotangents = new Map<Tensor, Tensor>([[loss, constant(1, loss.dtype)]]);
  const accumulate = (t: Tensor, ct: Tensor | undefined) => {
    if (!ct || !active.has(t) || !differentiable(t)) return;
    const sofar = cotangents.get(t);
    cotangents.set(t, sofar ? add(sofar, ct) : ct);
  };
  for (const equation of order.reverse()) {
    if (!equation.op.vjp || !equation.inputs.some((t) => active.has(t))) continue;
    const outs = equation.outputs.map((t) => cotangents.get(t));
    if (outs.every((ct) => ct === undefined)) continue;
    equation.op.vjp(equation, outs).forEach((ct, i) => accumulate(equation.inputs[i]!, ct));
    for (const t of equation.outputs) if (!wanted.has(t)) cotangents.delete(t);
  }
  return wrt.map((t) => cotangents.get(t) ?? constant(0, t.dtype, t.dims));
}
