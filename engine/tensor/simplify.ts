/** @file One pass that leaves less of a program: constants folded, equal equations merged, identities applied. What no result needs is not copied. */
import { count } from './array.js';
import { known } from './dims.js';
import { constant } from './ops/index.js';
import type { Program } from './program.js';
import { rewrite } from './rules.js';
import { apply, topological, within, type Attribute, type Equation, type Tensor } from './tensor.js';

/** Arrays of more elements are not folded: files should not grow. */
const FOLDED = 1 << 14;
const COMMUTATIVE: ReadonlySet<string> = new Set(['add', 'mul', 'equal', 'and', 'or', 'maximum', 'minimum']);

/** Spells attributes so that equal ones are spelled the same; long constants by two hashes of their bits. */
function spell(value: Attribute): string {
  if (!(value instanceof Float64Array)) return Array.isArray(value) ? `[${value.map(spell)}]` : String(value);
  if (value.length <= 16) return `[${value.join()}]`;
  let a = 0x811c9dc5, b = 0x1000193;
  for (const word of new Uint32Array(value.buffer, value.byteOffset, value.length * 2)) {
    a = Math.imul(a ^ word, 0x01000193);
    b = Math.imul(b ^ (word >>> 7), 0x85ebca6b) + word | 0;
  }
  return `#${value.length},${a},${b}`;
}

/** The equation as one constant for each output, if it computes with constants alone. */
function fold({ op, inputs, attrs, outputs }: Equation): Tensor[] | undefined {
  if (!inputs.length || inputs.some((t) => t.equation.op.name !== 'constant')) return undefined;
  if ([...inputs, ...outputs].some(({ dims }) => !known(dims) || count(dims) > FOLDED)) return undefined;
  const arrays = inputs.map(({ equation, dims }) => ({ dims: dims as readonly number[], data: equation.op.eval([], equation.attrs, [dims as readonly number[]])[0]! }));
  const results = op.eval(arrays, attrs, outputs.map(({ dims }) => dims as readonly number[]));
  return outputs.map(({ dtype, dims }, i) => {
    const data = results[i]!;
    return constant(data.every((v) => v === data[0]) ? data[0]! : data, dtype, dims);
  });
}

/** Simpler tensors with the values of `roots`. Inputs stay the same symbols. */
export function simplifyTensors(roots: readonly Tensor[]): Tensor[] {
  const simple = new Map<Tensor, Tensor>(), ids = new Map<Tensor, number>(), known = new Map<string, readonly Tensor[]>();

  const keep = (equation: Equation) => {
    for (const t of equation.outputs) {
      ids.set(t, ids.size);
      simple.set(t, t);
    }
    return equation.outputs;
  };
  const settle = (equation: Equation): readonly Tensor[] => {
    const { op, attrs } = equation;
    const inputs = equation.inputs.map((t) => {
      if (!simple.has(t)) settle(t.equation);
      return simple.get(t)!;
    });
    const order = inputs.map((t) => ids.get(t)!);
    if (COMMUTATIVE.has(op.name)) order.sort((a, b) => a - b);
    const key = `${op.name}(${op.name === 'input' ? ids.size : order})${Object.keys(attrs).map((name) => `${name}=${spell(attrs[name]!)}`).join()}`;
    const outputs = known.get(key) ?? within(equation.where, () => {
      const same = inputs.every((t, i) => t === equation.inputs[i]);
      const current = same ? equation : apply(op, inputs, attrs)[0]!.equation;
      const better = fold(current) ?? rewrite(current);
      if (!better) return keep(current);
      return [better].flat().map((t) => {
        if (!simple.has(t)) settle(t.equation);
        return simple.get(t)!;
      });
    });
    known.set(key, outputs);
    equation.outputs.forEach((t, i) => { simple.set(t, outputs[i]!); });
    return outputs;
  };
  for (const equation of topological(roots)) if (!simple.has(equation.outputs[0]!)) settle(equation);
  return roots.map((t) => simple.get(t)!);
}

/** A program with the same inputs, states and results, and less in between. */
export const simplify = (program: Program): Program => renew(program, simplifyTensors);

/** The program with the tensors that a pass makes of its results. */
export function renew(program: Program, pass: (roots: readonly Tensor[]) => readonly Tensor[]): Program {
  const states = Object.entries(program.state), outputs = Object.entries(program.outputs);
  const results = pass([...states.map(([, s]) => s.next), ...outputs.map(([, t]) => t)]);
  return {
    name: program.name,
    inputs: program.inputs,
    state: Object.fromEntries(states.map(([name, { value }], i) => [name, { value, next: results[i]! }])),
    outputs: Object.fromEntries(outputs.map(([name], i) => [name, results[states.length + i]!])),
  };
}
