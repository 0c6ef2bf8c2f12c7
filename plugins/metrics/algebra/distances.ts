/**
 * @file Squared Euclidean distances between two sets of vectors, block by block: products in float32 on the host give each within a bound, and what the bound
 * can't decide is computed again from the vectors in float64. Decisions made of them are those of exact arithmetic on the vectors, to float64's rounding.
 */
import { add, compiledOnce, inputError, matmul, mul, program, reshape, tensor, turns, type Resident, type SessionHost, type TensorValue } from '../../../engine/index.js';

/** Numbers that go to or come from the host in one piece. */
const PIECE = 1 << 20;
/** Distances that are here at once. */
const TILE = 1 << 21;

/** Vectors [count,width] on the host in pieces, shifted by a common centre so that less cancels. */
export interface Points {
  readonly data: Float32Array;
  readonly count: number;
  readonly width: number;
  readonly centre: Float32Array;
  /** Squared lengths of the shifted vectors. */
  readonly norms: Float64Array;
  readonly pieces: readonly Resident[];
  readonly rowsAPiece: number;
}

/** The mean of vectors, rounded to float32. A value that is no finite number is an InputError that names its vector. */
export async function centreOf(what: string, { data, dims: [count = 0, width = 0] }: TensorValue, signal?: AbortSignal): Promise<Float32Array> {
  const sums = new Float64Array(width), turn = turns(signal);
  for (let i = 0; i < count; i++) {
    let row = 0;
    for (let j = 0; j < width; j++) {
      const value = data[i * width + j] as number;
      row += value;
      sums[j]! += value;
    }
    if (!Number.isFinite(row)) throw unusable(what, i);
    await turn();
  }
  return Float32Array.from(sums, (sum) => sum / count);
}

const unusable = (what: string, vector: number) => inputError(what, `vector ${vector} holds something that is no finite number`);

/** Puts vectors on the host. A value that is no finite number is an InputError that names its vector. */
export async function placePoints(host: SessionHost, what: string, feature: TensorValue, centre: Float32Array, signal?: AbortSignal): Promise<Points> {
  const [count = 0, width = 0] = feature.dims, data = feature.data as Float32Array;
  if (width !== centre.length) throw inputError(what, `they are ${width} numbers wide, the others ${centre.length}: they come from different extractors`);
  const turn = turns(signal), rowsAPiece = Math.max(1, Math.floor(PIECE / width)), norms = new Float64Array(count), pieces: Resident[] = [];
  try {
    for (let from = 0; from < count; from += rowsAPiece) {
      const piece = shifted(data, centre, from, Math.min(rowsAPiece, count - from));
      for (let i = 0; i < piece.length; i += width) {
        let norm = 0;
        for (let j = i; j < i + width; j++) norm += piece[j]! * piece[j]!;
        if (!Number.isFinite(norm)) throw unusable(what, from + i / width);
        norms[from + i / width] = norm;
      }
      pieces.push(await host.put(tensor('f32', [piece.length / width, width], piece)));
      await turn();
    }
  } catch (error) {
    host.release(pieces);
    throw error;
  }
  return { data, count, width, centre, norms, pieces, rowsAPiece };
}

function shifted(data: Float32Array, centre: Float32Array, from: number, rows: number): Float32Array {
  const width = centre.length, out = new Float32Array(rows * width);
  for (let i = 0, at = from * width; i < out.length; at += width) for (let j = 0; j < width; j++, i++) out[i] = data[at + j]! - centre[j]!;
  return out;
}

/** n_j - 2 a_i b_j: the squared distance less the squared length of a_i. */
const products = (name: string) => program(name, {}, { a: { dtype: 'f32', dims: ['A', 'F'] }, b: { dtype: 'f32', dims: ['B', 'F'] }, norms: { dtype: 'f32', dims: ['B'] } }, (_, { a, b, norms }) => ({
  outputs: { partial: add(matmul(mul(a, -2), b, { transposeB: true }), reshape(norms, [1, 'B'])) },
}));

export interface Tile {
  /** Rows of `a` from `from` on, and how many. */
  readonly from: number;
  readonly rows: number;
  /** [rows, b.count]: partial distances; the squared length of the row's vector is to be added. */
  readonly partial: Float32Array;
}

/** How far a partial distance may be from the truth, as a share of the sum of both squared lengths: rounding of F products and sums, and of the shift. */
export const uncertainty = (width: number): number => (width + 24) * 2 ** -24;

/** All distances of `a` to `b`, a few rows of `a` at a time. The tile's memory is used again for the next. */
export async function* tiles(host: SessionHost, a: Points, b: Points): AsyncGenerator<Tile> {
  const run = await compiledOnce(host, 'distances', products);
  const norms = b.pieces.map((piece, p) => tensor('f32', [piece.dims[0]!], Float32Array.from(b.norms.subarray(p * b.rowsAPiece, p * b.rowsAPiece + piece.dims[0]!))));
  const height = Math.max(1, Math.min(a.count, Math.floor(TILE / b.count))), partial = new Float32Array(height * b.count);
  for (let from = 0; from < a.count; from += height) {
    const rows = Math.min(height, a.count - from), query = tensor('f32', [rows, a.width], shifted(a.data, a.centre, from, rows));
    for (const [p, piece] of b.pieces.entries()) {
      const found = (await run.run({}, { a: query, b: piece, norms: norms[p]! })).outputs.partial as TensorValue, width = piece.dims[0]!;
      for (let i = 0; i < rows; i++) partial.set((found.data as Float32Array).subarray(i * width, (i + 1) * width), i * b.count + p * b.rowsAPiece);
    }
    yield { from, rows, partial };
  }
}

/** The exact squared distance of two vectors, the same both ways round. */
export function squaredDistance(a: Points, i: number, b: Points, j: number): number {
  const { width } = a, x = a.data, y = b.data, at = i * width, to = j * width;
  let sum = 0;
  for (let c = 0; c < width; c++) {
    const d = x[at + c]! - y[to + c]!;
    sum += d * d;
  }
  return sum;
}
