/** @file A program as text: one typed equation a line. */
import type { Program } from './program.js';
import { topological, type Attribute, type Attributes, type Tensor } from './tensor.js';

/** a, b, …, z, aa, ab, … */
function letters(index: number): string {
  const rest = Math.floor(index / 26);
  return (rest ? letters(rest - 1) : '') + String.fromCharCode(97 + (index % 26));
}

const SHOWN = 6;
function attribute(value: Attribute): string {
  if (typeof value !== 'object') return String(value);
  const parts = Array.from(value as ArrayLike<Attribute>, attribute);
  return `[${parts.length > SHOWN ? [...parts.slice(0, SHOWN), `… ${parts.length}`] : parts}]`;
}
/** The attributes that say something the types don't: flags that are off and sizes of the result are left out. */
const attributes = (attrs: Attributes): string => {
  const shown = Object.entries(attrs).filter(([key, value]) => value !== false && key !== 'dims' && key !== 'dtype');
  return shown.map(([key, value]) => ` ${value === true ? key : `${key}=${attribute(value)}`}`).join('');
};

/**
 * The equations behind `results`, by name:
 *
 *     b:f32[3,5] = matmul x w transposeB
 *     loss = b
 */
export function printTensors(results: Readonly<Record<string, Tensor>>): string {
  const equations = topological(Object.values(results)), names = new Map<Tensor, string>(), lines: string[] = [];
  const taken = new Set(equations.map(({ op, attrs }) => (op.name === 'input' ? attrs.name : '')));
  let count = 0;
  const fresh = (): string => {
    const name = letters(count++);
    return taken.has(name) ? fresh() : name;
  };
  const typed = (t: Tensor) => `${names.get(t)}:${t}`;
  for (const { op, inputs, outputs, attrs } of equations) {
    const scalar = op.name === 'constant' && typeof attrs.value === 'number' && outputs[0]!.rank === 0;
    for (const t of outputs) names.set(t, op.name === 'input' ? String(attrs.name) : scalar ? String(attrs.value) : fresh());
    if (scalar) continue;
    if (op.name === 'input') lines.push(`input ${typed(outputs[0]!)}`);
    else lines.push(`${outputs.map(typed).join(', ')} = ${[op.name, ...inputs.map((t) => names.get(t)!)].join(' ')}${attributes(attrs)}`);
  }
  return [...lines, ...Object.entries(results).map(([name, t]) => `${name} = ${names.get(t)}`)].join('\n');
}

/** The program: its name, equations, the next versions of its states, its outputs. */
export function print({ name, state, outputs }: Program): string {
  const next = Object.entries(state).filter(([, s]) => s.next !== s.value).map(([key, s]) => [`${key}.next`, s.next] as const);
  return `program ${name}\n${printTensors({ ...Object.fromEntries(next), ...outputs })}`;
}
