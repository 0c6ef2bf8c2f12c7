/** @file Precision and recall (Kynkaanniemi et al. 2019), density and coverage (Naeem et al. 2020) of samples, by balls around feature vectors. */
import { inputError, type SessionHost, type TensorValue } from '../../engine/index.js';
import { centreOf, placePoints, squaredDistance, tiles, uncertainty, type Points } from './algebra/distances.js';
import { turns } from './algebra/turn.js';

export interface Prdc {
  /** Share of fakes in the ball of some real, of reals in the ball of some fake. */
  readonly precision: number;
  readonly recall: number;
  /** Balls of reals that a fake is in, divided by k, on average; share of reals whose ball holds a fake. */
  readonly density: number;
  readonly coverage: number;
}
export interface PrdcOptions {
  /** A ball's radius is the distance to the k-th nearest other vector of its own set. */
  readonly k: number;
  readonly signal?: AbortSignal | undefined;
  /** Rows of distances done, of all there are. */
  readonly progress?: ((done: number, total: number) => void) | undefined;
}

/** Of features f32[M,F] and f32[N,F]. Balls are open: a vector at the radius is outside. Decided in float64, whatever the products were computed in. */
export async function prdc(host: SessionHost, real: TensorValue, fake: TensorValue, { k, signal, progress }: PrdcOptions): Promise<Prdc> {
  for (const [what, { dims: [count = 0] }] of [['real features', real], ['fake features', fake]] as const)
    if (count <= k) throw inputError(what, `there are ${count}; radii to the ${k}${ordinal(k)} nearest want more than ${k}`);
  const centre = await centreOf('real features', real, signal), held: Points[] = [];
  try {
    for (const [what, value] of [['real features', real], ['fake features', fake]] as const) held.push(await placePoints(host, what, value, centre, signal));
    const [reals, fakes] = held as [Points, Points], total = reals.count + 2 * fakes.count;
    let done = 0;
    const step = (rows: number) => progress?.(done += rows, total);
    const realRadii = await radii(host, reals, k, step, signal), fakeRadii = await radii(host, fakes, k, step, signal);
    return await count(host, reals, fakes, realRadii, fakeRadii, k, step, signal);
  } finally { host.release(held.flatMap(({ pieces }) => pieces)); }
}

const ordinal = (k: number): string => (k % 100 >= 11 && k % 100 <= 13 ? 'th' : (['th', 'st', 'nd', 'rd'][k % 10] ?? 'th'));

/** Squared distances to the k-th nearest other vector of the set. */
async function radii(host: SessionHost, points: Points, k: number, step: (rows: number) => void, signal?: AbortSignal): Promise<Float64Array> {
  const { count, norms } = points, share = uncertainty(points.width), found = new Float64Array(count), turn = turns(signal);
  const slack = Float64Array.from(norms, (norm) => share * norm), smallest = new Float64Array(k);
  for await (const { from, rows, partial } of tiles(host, points, points)) {
    for (let r = 0; r < rows; r++) {
      const i = from + r, at = r * count;
      // At least k others are certainly within the k-th smallest upper bound; who may be nearer is measured.
      smallest.fill(Number.POSITIVE_INFINITY);
      let bound = Number.POSITIVE_INFINITY;
      for (let j = 0; j < count; j++) {
        const most = partial[at + j]! + slack[j]!;
        if (most < bound && j !== i) bound = insert(smallest, most);
      }
      const reach = bound + 2 * slack[i]!, near: number[] = [];
      for (let j = 0; j < count; j++) if (partial[at + j]! - slack[j]! <= reach && j !== i) near.push(squaredDistance(points, i, points, j));
      found[i] = near.sort((a, b) => a - b)[k - 1]!;
      await turn();
    }
    step(rows);
  }
  return found;
}

/** Puts a value among the smallest in ascending order, and gives the largest of them. */
function insert(smallest: Float64Array, value: number): number {
  let at = smallest.length - 1;
  for (; at > 0 && smallest[at - 1]! > value; at--) smallest[at] = smallest[at - 1]!;
  smallest[at] = value;
  return smallest[smallest.length - 1]!;
}

async function count(
  host: SessionHost, reals: Points, fakes: Points, realRadii: Float64Array, fakeRadii: Float64Array, k: number, step: (rows: number) => void, signal?: AbortSignal,
): Promise<Prdc> {
  const turn = turns(signal), share = uncertainty(reals.width), size = reals.count;
  const slack = Float64Array.from(reals.norms, (norm) => share * norm), covered = new Uint8Array(size), recalled = new Uint8Array(size);
  let precise = 0, balls = 0;
  for await (const { from, rows, partial } of tiles(host, fakes, reals)) {
    for (let r = 0; r < rows; r++) {
      const f = from + r, norm = fakes.norms[f]!, own = share * norm, radius = fakeRadii[f]!;
      let within = 0;
      for (let j = 0; j < size; j++) {
        const about = partial[r * size + j]! + norm, doubt = own + slack[j]!, ball = realRadii[j]!;
        let distance = about;
        if (about < ball + doubt && about > ball - doubt || about < radius + doubt && about > radius - doubt || doubt === 0) distance = squaredDistance(fakes, f, reals, j);
        if (distance < ball) { within++; covered[j] = 1; }
        if (distance < radius) recalled[j] = 1;
      }
      balls += within;
      if (within) precise++;
      await turn();
    }
    step(rows);
  }
  const mean = (flags: Uint8Array) => flags.reduce((sum, flag) => sum + flag, 0) / flags.length;
  return { precision: precise / fakes.count, recall: mean(recalled), density: balls / (k * fakes.count), coverage: mean(covered) };
}
