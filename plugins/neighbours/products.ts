/** @file Similarities of blocks of vectors in the session host: the products stay there, the largest of each tile and the tiles that are asked for come here. */
import { gather, int64, isResident, matmul, max, program, reshape, slice, topK, type Executable, type Resident, type SessionHost, type Tensor, type TensorValue } from '../../engine/index.js';

/** Similarities in a tile: neighbours in a row of the product. Blocks have a multiple of it as rows. */
export const TILE = 8;

const f32 = (...dims: number[]) => ({ dtype: 'f32' as const, dims });

/** X Y^T of two blocks f32[A,F] and f32[B,F], the largest of each tile of it, f32[A*B/8], and the `rank`-th largest of each row, f32[A,1], unless that is 0. */
const productProgram = (a: number, b: number, width: number, rank: number) =>
  program('similarities of two blocks', {}, { x: f32(a, width), y: f32(b, width) }, (_, { x, y }) => {
    const similarity = matmul(x, y, { transposeB: true });
    const ranked: Readonly<Record<string, Tensor>> = rank ? { ranked: slice(topK(similarity, rank).values, 1, rank - 1, rank) } : {};
    return { outputs: { similarity, peak: max(reshape(similarity, [(a * b) / TILE, TILE]), 1), ...ranked } };
  });

const tileProgram = (a: number, b: number) =>
  program('tiles of similarities', {}, { similarity: f32(a, b), tile: { dtype: 'i64' as const, dims: ['N'] } }, (_, { similarity, tile }) => ({
    outputs: { value: gather(reshape(similarity, [(a * b) / TILE, TILE]), tile) },
  }));

export interface Product {
  /** The largest similarity of each tile, row by row. */
  readonly peak: Float32Array;
  /** The `rank`-th largest similarity of each row of x, if it was asked for. */
  readonly ranked: Float32Array | undefined;
  /** The similarities of these tiles, 8 each. */
  tiles(which: Int32Array): Promise<Float32Array>;
  release(): void;
}
export interface Products {
  /** Of two blocks that are in the host. */
  of(x: Resident, y: Resident, rank: number): Promise<Product>;
  close(): Promise<void>;
}

/** Programs are compiled once for each pair of sizes. */
export function createProducts(host: SessionHost): Products {
  const compiled = new Map<string, Promise<Executable>>();
  const executable = (key: string, build: () => ReturnType<typeof productProgram>) => {
    const known = compiled.get(key) ?? host.compile(build(), { idle: 'sleep' });
    compiled.set(key, known);
    return known;
  };
  const floats = (value: unknown) => (value as TensorValue).data as Float32Array;
  return {
    async of(x, y, rank) {
      const [a = 0, width = 0] = x.dims, [b = 0] = y.dims;
      const { outputs } = await (await executable(`product ${a} ${b} ${width} ${rank}`, () => productProgram(a, b, width, rank))).run({}, { x, y }, { keep: ['similarity'] });
      const similarity = outputs.similarity!;
      return {
        peak: floats(outputs.peak),
        ranked: outputs.ranked && floats(outputs.ranked),
        async tiles(which) {
          const taken = await (await executable(`tiles ${a} ${b}`, () => tileProgram(a, b))).run({}, { similarity, tile: int64(which) });
          return floats(taken.outputs.value);
        },
        release: () => { if (isResident(similarity)) host.release([similarity]); },
      };
    },
    async close() {
      for (const pending of compiled.values()) await (await pending).release();
      compiled.clear();
    },
  };
}
