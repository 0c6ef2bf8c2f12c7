/** @file What every program must be, checked by running it over the program: after tracing and after each pass. */
import { traceError } from '../spec/issue.js';
import { show } from '../spec/tensor-type.js';
import { sameDims } from './dims.js';
import type { Program } from './program.js';
import { RuleError, topological, type Equation, type Tensor } from './tensor.js';

/** Throws a TraceError that names the first equation that breaks a rule. */
export function verify(program: Program): Program {
  const fail = (says: string, { where }: Partial<Equation> = {}): never => { throw traceError(where ? `${program.name}, ${where}` : program.name, says); };
  const symbols = [...Object.values(program.state).map((s) => s.value), ...Object.values(program.inputs)];
  const names = [...Object.keys(program.state), ...Object.keys(program.inputs)];
  const results = Object.keys(program.outputs);

  for (const name of [...names, ...results]) if (!name) fail('an input, state or output has no name');
  const distinct = new Set(names), twice = names.find((name) => !distinct.delete(name));
  if (twice) fail(`${twice} is the name of two inputs or states`);
  for (const name of results) if (Object.hasOwn(program.state, name) || Object.hasOwn(program.inputs, name)) fail(`${name} is the name of an input and of an output`);
  names.forEach((name, i) => { if (symbols[i]!.equation.attrs.name !== name) fail(`${name} is called ${symbols[i]!.equation.attrs.name} inside`); });
  for (const [name, { value, next }] of Object.entries(program.state)) {
    if (show(next.shape) !== show(value.shape)) fail(`state ${name} is ${value}, its next version ${next}`);
  }

  const inside = new Set<Tensor>(symbols);
  const roots = [...Object.values(program.state).map((s) => s.next), ...Object.values(program.outputs)];
  for (const equation of topological(roots)) {
    const { op, inputs, outputs, attrs } = equation;
    const is = () => `${op.name}(${inputs.join(', ')})`;
    if (op.name === 'input' && !inside.has(outputs[0]!)) fail(`${attrs.name} is an input of another program`, equation);
    for (const t of inputs) if (!inside.has(t) || t.equation.outputs[t.index] !== t) fail(`${is()} reads ${t}, which no equation before it makes`, equation);
    try {
      const types = op.infer(inputs.map((t) => t.shape), attrs);
      const agree = types.length === outputs.length && types.every((type, i) => type.dtype === outputs[i]!.dtype && sameDims(type.dims, outputs[i]!.dims));
      if (!agree) fail(`${is()} gives ${types.map(show).join(', ')}, recorded as ${outputs.join(', ')}`, equation);
    } catch (error) {
      if (error instanceof RuleError) fail(`${is()}: ${error.message}`, equation);
      throw error;
    }
    for (const t of outputs) inside.add(t);
  }
  return program;
}
