/** @file The one spelling of a tensor's type: `f32[B,3,R,R]`, and `i64<K>[B]` for integers in 0..K-1. Same in TypeScript, JSON, ONNX, errors and docs. */

export const DTYPES = ['f32', 'f64', 'i64', 'i32', 'u8', 'bool'] as const;
export type DType = (typeof DTYPES)[number];

/** A size: a number, or a symbol that is unified when a graph is composed. `...S` (a rest) stands for any sizes. */
export type Dim = number | string;

/** The spelling. `i64<K>[B]` says besides that every element lies in 0..K-1. */
export type TensorType = `${DType}[${string}]` | `i64<${string}>[${string}]`;

/** A parsed type. `below` is the bound of an integer tensor, if it has one. */
export interface TensorShape {
  readonly dtype: DType;
  readonly dims: readonly Dim[];
  readonly below?: Dim;
}

const SPELLING = /^([a-z]\w*)(?:<([^>]*)>)?\[([^\]]*)\]$/;
const dim = (text: string): Dim => (/^\d+$/.test(text) ? Number(text) : text);

/** Parses a spelling; `undefined` if it is none. */
export function parse(spelling: string): TensorShape | undefined {
  const match = SPELLING.exec(spelling.replace(/\s/g, ''));
  if (!match || !DTYPES.includes(match[1] as DType)) return undefined;
  const dims = match[3] ? match[3].split(',').map(dim) : [];
  if (dims.some((d) => d === '')) return undefined;
  return { dtype: match[1] as DType, dims, ...(match[2] ? { below: dim(match[2]) } : {}) };
}

/** A port's type taken apart: a tensor's, or an opaque value's name and the sizes that travel with it. `@tick` has none; `@dataset[L,...S]` has two. */
export interface PortShape extends Omit<TensorShape, 'dtype'> {
  readonly dtype: DType | `@${string}`;
}
const OPAQUE = /^(@[a-z][\w-]*)(?:\[([^\]]*)\])?$/;

/** Parses a port's type; `undefined` if it is none. */
export function parsePort(spelling: string): PortShape | undefined {
  const opaque = OPAQUE.exec(spelling.replace(/\s/g, ''));
  if (!opaque) return parse(spelling);
  return { dtype: opaque[1] as `@${string}`, dims: opaque[2] ? opaque[2].split(',').map(dim) : [] };
}

/** Spells a type the way authors do. */
export const show = ({ dtype, dims, below }: TensorShape): TensorType =>
  `${dtype}${below === undefined ? '' : `<${below}>`}[${dims.join(',')}]` as TensorType;
