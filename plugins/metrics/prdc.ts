/** @file Precision and recall (Kynkaanniemi et al. 2019), density and coverage (Naeem et al. 2020) of samples, by balls around feature vectors. */
import { inputError, turns, type SessionHost, type TensorValue } from '../../engine/index.js';
import { centreOf, placePoints, squaredDistance, tiles, uncertainty, type Points } from './algebra/distances.js';

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
  /** Rows of distances done, of all there are: first of the real side, then of each comparison. */
  readonly progress?: ((done: number, total: number) => void) | undefined;
}

/** The real side, whose radii are found once, to be compared with any number of generated sets. */
export interface PrdcReference {
  /** With features f32[N,F]. Balls are open: a vector at the radius is outside. Decided in float64, whatever the products were computed in. */
  compare(fake: TensorValue): Promise<Prdc>;
  release(): void;
}

/** Reads real features f32[M,F]. */
export async function createPrdc(host: SessionHost, real: TensorValue, { k, signal, progress }: PrdcOptions): Promise<PrdcReference> {
  /** Puts a set on the host while `body` needs it. */
  const placed = async <T>(what: string, value: TensorValue, centre: Float32Array, body: (points: Points) => Promise<T>): Promise<T> => {
    const points = await placePoints(host, what, value, centre, signal);
    try { return await body(points); } catch (error) { host.release(points.pieces); throw error; }
  };
  requireMore('real features', real, k);
  const centre = await centreOf('real features', real, signal), rows = real.dims[0]!;
  return placed('real features', real, centre, async (reals) => {
    const own = await radii(host, reals, k, (done) => progress?.(done, rows), signal);
    return {
      compare: (fake) => {
        requireMore('fake features', fake, k);
        return placed('fake features', fake, centre, async (fakes) => {
          let before = 0;
          const step = (done: number) => progress?.(before + done, 2 * fakes.count);
          const theirs = await radii(host, fakes, k, step, signal);
          before = fakes.count;
          const found = await count(host, reals, fakes, own, theirs, k, step, signal);
          host.release(fakes.pieces);
          return found;
        });
      },
      release: () => host.release(reals.pieces),
    };
  });
}

/** Of features f32[M,F] and f32[N,F]. */
export async function prdc(host: SessionHost, real: TensorValue, fake: TensorValue, options: PrdcOptions): Promise<Prdc> {
  const reference = await createPrdc(host, real, options);
  try { return await reference.compare(fake); } finally { reference.release(); }
}

function requireMore(what: string, { dims: [count = 0] }: TensorValue, k: number): void {
  if (count <= k) throw inputError(what, `there are ${count}; radii to the ${k}${ordinal(k)} nearest want more than ${k}`);
}
const ordinal = (k: number): string => (k % 100 >= 11 && k % 100 <= 13 ? 'th' : (['th', 'st', 'nd', 'rd'][k % 10] ?? 'th'));

/** Squared distances to the k-th nearest other vector of the set. */
async function radii(host: SessionHost, points: Points, k: number, step: (done: number) => void, signal?: AbortSignal): Promise<Float64Array> {
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
    step(from + rows);
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
  host: SessionHost, reals: Points, fakes: Points, realRadii: Float64Array, fakeRadii: Float64Array, k: number, step: (done: number) => void, signal?: AbortSignal,
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
        if (Math.abs(about - ball) < doubt || Math.abs(about - radius) < doubt || doubt === 0) distance = squaredDistance(fakes, f, reals, j);
        if (distance < ball) { within++; covered[j] = 1; }
        if (distance < radius) recalled[j] = 1;
      }
      balls += within;
      if (within) precise++;
      await turn();
    }
    step(from + rows);
  }
  const mean = (flags: Uint8Array) => flags.reduce((sum, flag) => sum + flag, 0) / flags.length;
  return { precision: precise / fakes.count, recall: mean(recalled), density: balls / (k * fakes.count), coverage: mean(covered) };
}
