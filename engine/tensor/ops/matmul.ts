/** @file Matrix products. Transposition is a flag, so that gradients copy nothing. */
import { count, offsets, repeatedStrides, spread, strides } from '../array.js';
import { broadcastDims, known, sameDims, type Dims } from '../dims.js';
import type { Op } from '../op.js';
import { apply1, RuleError, type Tensor } from '../tensor.js';
import { sumTo } from './broadcast.js';
import { want } from './elementwise.js';
import { reshape } from './shape.js';

export interface Transposed { readonly transposeA?: boolean; readonly transposeB?: boolean }

const last = (dims: Dims) => dims.slice(-2);
const batch = (dims: Dims) => dims.slice(0, -2);
const swap = (rank: number) => [...Array.from({ length: rank - 2 }, (_, i) => i), rank - 1, rank - 2];

/** a b, or a b + c for matrices: a third operand is what the sums start from. */
export const matmulOp: Op = {
  name: 'matmul',
  infer([a, b, c], { transposeA, transposeB }) {
    want('real', a!.dtype, b!.dtype);
    if (a!.dtype !== b!.dtype) throw new RuleError(`${a!.dtype} is not ${b!.dtype}`);
    if (a!.dims.length < 2 || b!.dims.length < 2) throw new RuleError('wants at least two axes on both sides');
    const [m, k] = transposeA ? last(a!.dims).reverse() : last(a!.dims);
    const [l, n] = transposeB ? last(b!.dims).reverse() : last(b!.dims);
    if (k !== l) throw new RuleError(`the inner sizes differ: ${k} is not ${l}`);
    const dims = [...broadcastDims(batch(a!.dims), batch(b!.dims)), m!, n!];
    if (c && (c.dtype !== a!.dtype || dims.length > 2 || !sameDims(broadcastDims(dims, c.dims), dims))) throw new RuleError(`[${c.dims}] does not start sums of [${dims}]`);
    return [{ dtype: a!.dtype, dims }];
  },
  vjp({ inputs: [a, b, c], attrs }, [ct]) {
    const tA = attrs.transposeA as boolean, tB = attrs.transposeB as boolean;
    const da = tA ? matmul(b!, ct!, { transposeA: tB, transposeB: true }) : matmul(ct!, b!, { transposeB: !tB });
    const db = tB ? matmul(ct!, a!, { transposeA: true, transposeB: tA }) : matmul(a!, ct!, { transposeA: !tA });
    return [sumTo(da, a!.dims), sumTo(db, b!.dims), ...(c ? [sumTo(ct!, c.dims)] : [])];
  },
  eval([a, b, c], { transposeA, transposeB }, [dims]) {
    const rank = dims!.length, stack = dims!.slice(0, -2);
    const [m, n] = dims!.slice(-2) as [number, number], k = a!.dims.at(transposeA ? -2 : -1)!;
    const [ai, ak] = transposeA ? strides(a!.dims).slice(-2).reverse() : strides(a!.dims).slice(-2);
    const [bk, bj] = transposeB ? strides(b!.dims).slice(-2).reverse() : strides(b!.dims).slice(-2);
    const bases = [a!, b!].map((x) => offsets(stack, repeatedStrides(x.dims, rank).slice(0, -2)));
    const out = c ? spread(c, dims!).slice() : new Float64Array(count(dims!));
    for (let s = 0, o = 0; s < count(stack); s++) for (let i = 0; i < m; i++) for (let j = 0; j < n; j++, o++) {
      let total = 0;
      for (let p = 0, x = bases[0]![s]! + i * ai!, y = bases[1]![s]! + j * bj!; p < k; p++, x += ak!, y += bk!) total += a!.data[x]! * b!.data[y]!;
      out[o]! += total;
    }
    return [out];
  },
  lower(emit, [a, b, ...c], { inputs, attrs: { transposeA, transposeB } }) {
    if (inputs[0]!.rank === 2 && inputs[1]!.rank === 2) return emit.node('Gemm', [a!, b!, ...c], { transA: Number(transposeA), transB: Number(transposeB) });
    const turned = (name: string, rank: number, turn: unknown) => (turn ? emit.node('Transpose', [name], { perm: swap(rank) })[0]! : name);
    return emit.node('MatMul', [turned(a!, inputs[0]!.rank, transposeA), turned(b!, inputs[1]!.rank, transposeB)]);
  },
};

/**
 * The matrix product of the last two axes, each transposed first if told so; the axes before them are broadcast.
 * A stack of matrices by one matrix is a single product of all rows.
 */
export function matmul(a: Tensor, b: Tensor, { transposeA = false, transposeB = false }: Transposed = {}): Tensor {
  if (a.rank > 2 && b.rank === 2 && !transposeA && known(batch(a.dims)) && known(last(a.dims))) {
    const rows = matmul(reshape(a, [-1, a.dims.at(-1)!]), b, { transposeB });
    return reshape(rows, [...a.dims.slice(0, -1), rows.dims[1]!]);
  }
  return apply1(matmulOp, [a, b], { transposeA, transposeB });
}
