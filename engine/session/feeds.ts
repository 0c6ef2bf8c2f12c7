/** @file Whether what is given has the type that is wanted: dtypes, ranks, literal sizes, and symbols that mean the same size everywhere. */
import { GantryError, type Issue } from '../spec/issue.js';
import { show, type TensorShape } from '../spec/tensor-type.js';
import { ARRAYS, elements, isResident, isTensorValue, type Tensorial } from '../spec/value.js';
import type { Sized } from './protocol.js';

/** A program or model that was run wrongly, or that ONNX Runtime refuses. Exit code 3. */
export const sessionError = (where: string, issues: readonly Issue[], options?: ErrorOptions): GantryError =>
  new GantryError('SessionError', where, issues, 3, options);

/** Sizes by symbol, with who said so. */
export type Sizes = Map<string, { readonly size: number; readonly by: string }>;

/** What disagrees between a type and a tensor called `by`; binds symbols on the way. */
export function disagreement(wanted: TensorShape, got: Sized, by: string, sizes: Sizes): string | undefined {
  const says = (why: string) => `is ${show(got)}; wants ${show({ dtype: wanted.dtype, dims: wanted.dims })}: ${why}`;
  if (got.dtype !== wanted.dtype) return says(`${got.dtype} is not ${wanted.dtype}`);
  if (got.dims.length !== wanted.dims.length) return says(`rank ${got.dims.length} is not ${wanted.dims.length}`);
  for (const [i, want] of wanted.dims.entries()) {
    const size = got.dims[i]!;
    if (typeof want === 'number') {
      if (size !== want) return says(`dimension ${i} disagrees`);
      continue;
    }
    const bound = sizes.get(want);
    if (!bound) sizes.set(want, { size, by });
    else if (bound.size !== size) return says(`dimension ${i} disagrees, as ${bound.by} says ${want} = ${bound.size}`);
  }
  return undefined;
}

/** Why a value is not a tensor that a host with these residents could use. */
export function unusable(value: Tensorial | undefined, residents: ReadonlySet<number>): string | undefined {
  if (value === undefined) return 'is missing';
  if (isResident(value)) return residents.has(value.id) ? undefined : `is resident ${value.id}, which was released or belongs to another host`;
  if (!isTensorValue(value)) return `is ${value === null ? 'null' : `a ${typeof value}`}; wants a tensor`;
  const wanted = ARRAYS[value.dtype];
  if (!(value.data instanceof wanted)) return `is ${show(value)} with a ${(value.data as object).constructor.name}; wants a ${wanted.name}`;
  if (value.data.length !== elements(value.dims)) return `is ${show(value)} with ${value.data.length} elements; wants ${elements(value.dims)}`;
  return undefined;
}
