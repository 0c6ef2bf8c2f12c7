/**
 * @file Minimal filtering F(4, 3) (Winograd 1980; Lavin and Gray 2016): four results of a filter of three taps, from six products instead of twelve. A tile's results are
 * A (G g * B d), elementwise in the middle, for three taps g and the six inputs d that the results read. At the points 0, ±3/4, ±3/2 and infinity the error is about three times that of
 * direct sums (in two dimensions, six).
 */
export type Matrix = readonly (readonly number[])[];

/** Results of a tile along an axis, the taps of the filter, and the products that take their place. */
export const RESULTS = 4, TAPS = 3, PLACES = RESULTS + TAPS - 1;
const POINTS = [0, 0.75, -0.75, 1.5, -1.5];

const polynomial = (roots: readonly number[]): number[] =>
  roots.reduce<number[]>((p, root) => Array.from({ length: p.length + 1 }, (_, k) => (p[k - 1] ?? 0) - root * (p[k] ?? 0)), [1]);
const others = (i: number): number[] => POINTS.filter((_, j) => j !== i);

const A: Matrix = Array.from({ length: RESULTS }, (_, i) => [...POINTS.map((p) => p ** i), Number(i === RESULTS - 1)]);
/** What the taps become, `[PLACES, TAPS]`. */
export const G: Matrix = [...POINTS.map((p, i) => Array.from({ length: TAPS }, (_, k) => p ** k / others(i).reduce((n, q) => n * (p - q), 1))), [0, 0, 1]];
const B: Matrix = [...POINTS.map((_, i) => [...polynomial(others(i)), 0]), polynomial(POINTS)];

export interface Filtered {
  readonly tiles: number;
  /** The inputs of all tiles, ordered by place in the tile: `[PLACES tiles, inputs]`. Zeros around are not among the inputs. */
  readonly there: Matrix;
  /** The results of all tiles: `[results, PLACES tiles]`. */
  readonly back: Matrix;
}

/** The filter along an axis of `inputs` elements, with `before` zeros in front. */
export function filtered(inputs: number, results = inputs, before = 1): Filtered {
  const tiles = Math.ceil(results / RESULTS);
  const zeros = (rows: number, columns: number) => Array.from({ length: rows }, () => Array<number>(columns).fill(0));
  const there = zeros(PLACES * tiles, inputs), back = zeros(results, PLACES * tiles);
  for (let place = 0; place < PLACES; place++) for (let tile = 0; tile < tiles; tile++) {
    const line = place * tiles + tile, first = tile * RESULTS;
    for (let d = 0; d < PLACES; d++) if (first + d >= before && first + d - before < inputs) there[line]![first + d - before] = B[place]![d]!;
    for (let o = 0; o < RESULTS && first + o < results; o++) back[first + o]![line] = A[o]![place]!;
  }
  return { tiles, there, back };
}
