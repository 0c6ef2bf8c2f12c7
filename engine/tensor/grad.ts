/** @file Reverse-mode differentiation: more of the same program, so the gradient of a gradient needs nothing new. */
import { traceError } from '../spec/issue.js';
import { known } from './dims.js';
import { add, constant, mul } from './ops/index.js';
import { currentPlace, RuleError, topological, type Equation, type Tensor } from './tensor.js';

const differentiable = (t: Tensor) => t.dtype === 'f32' || t.dtype === 'f64';

function pull(equation: Equation, cotangents: readonly (Tensor | undefined)[]): readonly (Tensor | undefined)[] {
  try {
    return equation.op.vjp!(equation, cotangents);
  } catch (error) {
    if (!(error instanceof RuleError)) throw error;
    throw traceError(equation.where || 'program', `the gradient of ${equation.op.name}(${equation.inputs.join(', ')}): ${error.message}`);
  }
}

/** The derivative of a scalar by each of `wrt`, zeros where it does not depend on it. */
export function grad(loss: Tensor, wrt: readonly Tensor[]): Tensor[] {
  if (loss.rank !== 0) throw traceError(currentPlace() || 'grad', `grad wants a scalar f32[], got ${loss}: take its sum or mean first`);
  const order = topological([loss]);
  const wanted = new Set(wrt);
  const active = new Set<Tensor>(wrt);
  for (const { op, inputs, outputs } of order) if (op.vjp && inputs.some((t) => active.has(t))) for (const t of outputs) active.add(t);

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
    pull(equation, outs).forEach((ct, i) => { accumulate(equation.inputs[i]!, ct); });
    for (const t of equation.outputs) if (!wanted.has(t)) cotangents.delete(t);
  }
  return wrt.map((t) => cotangents.get(t) ?? (known(t.dims) ? constant(0, t.dtype, t.dims) : mul(t, 0)));
}
