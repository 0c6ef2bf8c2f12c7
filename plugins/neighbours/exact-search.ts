/**
 * @file The k nearest of every vector, exactly: blocked products of the set with itself on the session host. A product serves the rows of both its blocks, so half the
 * products suffice; what exceeds a row's worst candidate is taken from it, and most tiles hold nothing that does. Candidates are settled in float64 (`distances.ts`).
 */
import { keyedRandom, tensor, turns, type Resident, type SessionHost, type UnitVectors } from '../../engine/index.js';
import { Candidates } from './candidates.js';
import { emptyLists, settle, SPARE, type Lists, type Unsettled } from './distances.js';
import { createProducts, TILE, type Product } from './products.js';

export interface SearchOptions {
  readonly k: number;
  /** Bytes for blocks and products; candidates and lists, 8 (2 k + 8) bytes a vector, come on top. */
  readonly memory: number;
  readonly signal?: AbortSignal | undefined;
  /** Multiplications done, of all there are. */
  readonly progress?: ((done: number, total: number) => void) | undefined;
}

/** Rows of a block at most, and of the first block. */
const LARGEST = 2048, SAMPLE = 1024;
/** A product is there twice, with its tiles taken out and copied: this many times its size. */
const COPIES = 4;
/**
 * The first block is a random sample of all. From a row's similarities to it follows what only about `EXCEED` times as many others exceed as there are candidates,
 * and never fewer than the RANK-th of the sample, of which chance leaves too few about once in ten thousand rows.
 */
const EXCEED = 4, RANK = 12;

/** Tiles between two looks at the clock. */
const PAUSE = 4096;

/** Rows `from` to `to` of the order in which vectors are taken. */
interface Block { readonly from: number; readonly to: number }

/** A sample and the rest, such that `memory` has room for three blocks of vectors and the products in flight. */
function blocksOf({ size, width }: UnitVectors, memory: number): Block[] {
  let largest = LARGEST;
  while (largest > TILE && (3 * largest * width + COPIES * largest * largest) * 4 > memory) largest /= 2;
  const blocks: Block[] = [];
  for (let from = 0; from < size; from = blocks.at(-1)!.to) blocks.push({ from, to: Math.min(size, from + (from ? largest : Math.min(SAMPLE, largest))) });
  return blocks;
}

/** Which of a row's similarities to the sample, from the largest, is what its candidates have to exceed; 0: none, as all may be wanted. */
function startingRank(each: number, size: number, [sample, ...rest]: readonly Block[]): number {
  const rank = Math.max(RANK, Math.ceil((EXCEED * each * sample!.to) / size));
  return rest.length && rank <= sample!.to / 4 ? rank : 0;
}

/** The blocks that the host holds; the one used longest ago makes room. */
class Held {
  private readonly there = new Map<Block, Promise<Resident>>();
  constructor(private readonly host: SessionHost, private readonly vectors: UnitVectors, private readonly order: Int32Array, private readonly most: number) {}

  get(block: Block): Promise<Resident> {
    const known = this.there.get(block) ?? this.load(block);
    this.there.delete(block);
    this.there.set(block, known);
    for (const [old, resident] of this.there) {
      if (this.there.size <= this.most) break;
      this.there.delete(old);
      void resident.then((gone) => this.host.release([gone]));
    }
    return known;
  }
  private async load({ from, to }: Block): Promise<Resident> {
    const { width } = this.vectors, rows = Math.ceil((to - from) / TILE) * TILE, data = new Float32Array(rows * width);
    data.set(await this.vectors.read(this.order.subarray(from, to)));
    return this.host.put(tensor('f32', [rows, width], data));
  }
  async release(): Promise<void> {
    for (const resident of this.there.values()) await resident.then((gone) => this.host.release([gone]), () => undefined);
    this.there.clear();
  }
}

/** A product that was asked for. */
interface Pair { readonly a: Block; readonly b: Block; readonly product: Promise<Product> }

/** Gives the lists, and how many rows were in doubt after float32 and were compared with everybody. */
export async function searchExactly(host: SessionHost, vectors: UnitVectors, { k, memory, signal, progress }: SearchOptions): Promise<Lists & { readonly doubtful: number }> {
  const { size, width } = vectors, candidates = new Candidates(size, Math.min(k + SPARE, size - 1)), lists = emptyLists(size, k);
  // In a random order few similarities are better than all before, however the data is sorted. Results do not depend on it.
  const order = keyedRandom(0, 'neighbours', 0, 'order').permutation(size);
  const blocks = blocksOf(vectors, memory), sample = blocks[0]!, rank = startingRank(candidates.each, size, blocks);
  const largest = Math.max(...blocks.map(({ from, to }) => to - from));
  const room = Math.floor((memory - COPIES * largest * largest * 4) / (largest * width * 4)), group = blocks.length <= room ? 1 : Math.max(1, room - 2);
  const held = new Held(host, vectors, order, Math.max(3, room)), products = createProducts(host);
  const total = (size * (size + 1)) / 2, turn = turns(signal);
  let done = 0, doubtful = 0, settling = Promise.resolve();

  const ahead: Pair[] = [];
  const ask = (a: Block, b: Block) => {
    const product = Promise.all([held.get(a), held.get(b)]).then(([x, y]) => products.of(x, y, b !== sample || !rank ? 0 : a === sample ? rank + 1 : rank));
    product.catch(() => undefined); // whoever takes it hears of it
    ahead.push({ a, b, product });
  };
  /** Waits for the oldest product and takes what is better than the candidates so far. */
  const take = async () => {
    const { a, b, product } = ahead.shift()!, found = await product, { ranked } = found;
    for (let row = a.from; ranked && row < a.to; row++) candidates.startAt(row, ranked[row - a.from]!);
    await absorb(found, a, b, candidates, turn);
    signal?.throwIfAborted();
    done += a === b ? ((a.to - a.from) * (a.to - a.from + 1)) / 2 : (a.to - a.from) * (b.to - b.from);
    progress?.(done, total);
  };
  try {
    for (let first = 0; first < blocks.length; first += group) {
      const columns = blocks.slice(first, first + group);
      for (const [n, a] of blocks.slice(first).entries()) {
        for (const b of columns.slice(0, n + 1)) {
          ask(a, b);
          if (ahead.length > 2) await take();
        }
      }
      while (ahead.length) await take();
      // These have met everybody. Settling them goes on beside the next products.
      settling = settling.then(async () => { for (const block of columns) doubtful += await settle(vectors, unsettled(block, order, candidates, size), lists, signal); });
      settling.catch(() => undefined); // heard of below
    }
    await settling;
    return { ...lists, doubtful };
  } finally {
    for (const { product } of ahead) await product.then(({ release }) => release(), () => undefined);
    await settling.catch(() => undefined);
    await held.release();
    await products.close();
  }
}

/** Takes the similarities of a product that are better than a candidate of either side. */
async function absorb(product: Product, a: Block, b: Block, candidates: Candidates, turn: () => Promise<void> | undefined): Promise<void> {
  try {
    const columns = b.to - b.from, across = Math.ceil(columns / TILE), hits = tilesAbove(product.peak, a, b, candidates), same = a === b;
    if (!hits.length) return;
    const value = await product.tiles(hits), { similarity: heap, each } = candidates;
    for (let n = 0; n < hits.length; n++) {
      if (n % PAUSE === 0) await turn();
      const tile = hits[n]!, r = Math.floor(tile / across), row = a.from + r, from = (tile - r * across) * TILE, to = Math.min(columns, from + TILE);
      // A block with itself has every pair twice, and everybody with themselves.
      const first = same ? Math.max(from, r + 1) : from;
      for (let c = first, at = n * TILE + first - from, column = b.from + first; c < to; c++, at++, column++) {
        const similarity = value[at]!;
        if (similarity > heap[row * each]!) candidates.offer(row, column, similarity);
        if (similarity > heap[column * each]!) candidates.offer(column, row, similarity);
      }
    }
  } finally { product.release(); }
}

/** The tiles that hold something better than a candidate, in their order. */
function tilesAbove(peak: Float32Array, a: Block, b: Block, candidates: Candidates): Int32Array {
  const rows = a.to - a.from, columns = b.to - b.from, across = Math.ceil(columns / TILE), hits = new Int32Array(rows * across);
  const limit = new Float32Array(across).fill(Number.POSITIVE_INFINITY);
  for (let c = 0; c < columns; c++) { const t = Math.floor(c / TILE); limit[t] = Math.min(limit[t]!, candidates.threshold(b.from + c)); }
  let count = 0;
  for (let r = 0; r < rows; r++) {
    const own = candidates.threshold(a.from + r), first = a === b ? Math.floor((r + 1) / TILE) : 0;
    for (let t = first, at = r * across + t; t < across; t++, at++) {
      if (peak[at]! > own || peak[at]! > limit[t]!) hits[count++] = at;
    }
  }
  return hits.subarray(0, count);
}

function* unsettled({ from, to }: Block, order: Int32Array, candidates: Candidates, size: number): Generator<Unsettled> {
  for (let place = from; place < to; place++) {
    const { who, similarity, others } = candidates.best(place), row = order[place]!;
    // All others are candidates where there are no more.
    yield { row, at: row, who: who.map((other) => order[other]!), similarity, others: who.length === size - 1 ? Number.NEGATIVE_INFINITY : others };
  }
}
