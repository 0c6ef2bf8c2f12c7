/** @file PGMGAN's theorems 1 and 2 on random instances: connected generators miss data that lie apart by a bound, and divergences of disjoint parts add up. */
import { keyedRandom } from '../../engine/session/keyed-random.js';
import { connectedBound, jensenShannon, normalCdf, normalQuantile, partedDivergence, totalVariation } from '../../plugins/pgmgan/theorems.js';

const seed = 210;
/** Uniform numbers in [low, high), one after the other. */
function drawer(name: string) {
  const numbers = keyedRandom(seed, 'theorems', 0, name).uniform(40_000);
  let next = 0;
  return (low = 0, high = 1) => low + (high - low) * numbers[next++]!;
}

test('the normal distribution, against published values, and its quantiles back', () => {
  // Abramowitz and Stegun, table 26.1 (15 digits), and Mills' ratio at 10.
  const published: readonly [number, number][] = [[0, 0.5], [0.5, 0.691462461274013], [1, 0.841344746068543], [2, 0.977249868051821], [3, 0.998650101968370], [4, 0.999968328758167]];
  for (const [x, p] of published) {
    expect(normalCdf(x)).toBeCloseTo(p, 14);
    expect(normalCdf(-x)).toBeCloseTo(1 - p, 14);
  }
  expect(normalCdf(-10) / 7.61985302416052e-24).toBeCloseTo(1, 12);
  expect([Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, -60, 60].map(normalCdf)).toEqual([0, 1, 0, 1]);
  for (const x of [-20, -8, -3.1, -3, -1, -1e-9, 0, 0.3, 2.9, 3.2]) expect(normalQuantile(normalCdf(x))).toBeCloseTo(x, 10);
  expect([0, 1, -0.1, 1.1].map(normalQuantile)).toEqual([Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, Number.NaN, Number.NaN]);
});

/** Continuous and linear between knots: pieces are numbered from left to right, and the first and the last go on for ever. */
interface Piecewise { readonly knots: readonly number[]; readonly slopes: readonly number[]; readonly offset: number }

/** The mass of a standard normal latent that lands in [low, high]. */
function massIn({ knots, slopes, offset }: Piecewise, low: number, high: number): number {
  let mass = 0, at = offset;
  for (const [k, slope] of slopes.entries()) {
    const from = knots[k - 1] ?? Number.NEGATIVE_INFINITY, to = knots[k] ?? Number.POSITIVE_INFINITY;
    // The value of the first piece is known at its right end, those of the others at their left ends.
    const anchor = k === 0 ? to : from;
    const [a, b] = slope === 0 ? (at >= low && at <= high ? [from, to] : [0, 0]) : [anchor + (low - at) / slope, anchor + (high - at) / slope].sort((x, y) => x - y);
    mass += Math.max(0, normalCdf(Math.min(to, b!)) - normalCdf(Math.max(from, a!)));
    if (k > 0 && k < slopes.length - 1) at += slope * (to - from);
  }
  return mass;
}

/** The bound of the theorem's proof as such: the least over p of the greater of |mass - p| and what isoperimetry leaves outside, by a search over Phi^-1(p) in [-60,60]. */
function searched(mass: readonly number[], gap: number, slope: number): number {
  const r = gap / slope;
  return Math.max(...mass.map((pi) => {
    const greater = (z: number) => Math.max(Math.abs(pi - normalCdf(z)), normalCdf(z + r) - normalCdf(z));
    const grid = Array.from({ length: 601 }, (_, i) => ({ z: i / 5 - 60, value: greater(i / 5 - 60) })).sort((a, b) => a.value - b.value).slice(0, 6);
    return Math.min(...grid.map(({ z }) => {
      let [low, high] = [z - 0.2, z + 0.2];
      for (let i = 0; i < 60; i++) {
        const [a, b] = [low + (high - low) / 3, high - (high - low) / 3];
        if (greater(a) < greater(b)) high = b; else low = a;
      }
      return greater(low);
    }));
  }));
}

test(`theorem 1: no connected generator comes nearer than the bound, and none of the bounds is void (seed ${seed})`, () => {
  const draw = drawer('generators');
  let nearest = Number.POSITIVE_INFINITY, both = 0;
  for (let trial = 0; trial < 1500; trial++) {
    const slope = draw(0.2, 5), gap = draw(0.1, 1) ** 4 * 12 * slope, pi = draw(0.02, 0.98);
    // [-a, 0] and [gap, gap + b], wide enough that a random map often fills them.
    const [a, b] = [draw(0.5, 8) * slope, draw(0.5, 8) * slope];
    const knots = Array.from({ length: 1 + Math.floor(draw(0, 4)) }, () => draw(-2.5, 2.5)).sort((x, y) => x - y);
    const slopes = Array.from({ length: knots.length + 1 }, () => slope * (draw() < 0.6 ? Math.sign(draw(-1, 1)) : draw(-1, 1)));
    const map: Piecewise = { knots, slopes, offset: draw(-a, gap + b) };
    const p = massIn(map, -a, 0), q = massIn(map, gap, gap + b), bound = connectedBound([pi, 1 - pi], [gap, gap], slope);
    const distance = totalVariation([pi, 1 - pi, 0], [p, q, 1 - p - q]);
    if (!(bound > 0)) throw new Error(`trial ${trial} of seed ${seed}: the bound is ${bound}`);
    if (distance < bound - 1e-12) throw new Error(`trial ${trial} of seed ${seed}: ${distance} is below the bound ${bound} for ${JSON.stringify({ pi, gap, slope, map })}`);
    nearest = Math.min(nearest, distance - bound);
    if (p > 0.05 && q > 0.05) both++;
  }
  // The trials come near it, and many reach both intervals: they could have failed.
  expect(nearest).toBeLessThan(0.02);
  expect(both).toBeGreaterThan(100);
});

test(`theorem 1: an affine map of the full slope attains the bound on two half-lines, and no other affine one is nearer (seed ${seed})`, () => {
  const draw = drawer('affine');
  for (let trial = 0; trial < 200; trial++) {
    const slope = draw(0.2, 5), gap = draw(0.01, 3) * slope, pi = draw(0.02, 0.98), bound = connectedBound([pi, 1 - pi], [gap, gap], slope);
    const distance = (shift: number) => {
      const [p, q] = [normalCdf(-shift / slope), 1 - normalCdf((gap - shift) / slope)];
      return totalVariation([pi, 1 - pi, 0], [p, q, 1 - p - q]);
    };
    // Either end of the gap where the data's masses part.
    const z = normalQuantile(pi), best = Math.min(distance(-slope * z), distance(gap - slope * z));
    expect(best).toBeCloseTo(bound, 12);
    expect(Math.min(...Array.from({ length: 20 }, () => distance(draw(-4, 4) * slope)))).toBeGreaterThan(bound - 1e-12);
  }
});

test(`theorem 1: the closed form is at least the bound of the published proof, searched for by z, and vanishes with the gap (seed ${seed})`, () => {
  const draw = drawer('searched');
  let equal = 0;
  for (let trial = 0; trial < 30; trial++) {
    const pi = draw(0.02, 0.98), gap = draw(0.01, 4) ** 2, ours = connectedBound([pi, 1 - pi], [gap, gap], 1), proof = searched([pi, 1 - pi], gap, 1);
    expect(ours).toBeGreaterThan(proof - 1e-9);
    expect(proof).toBeGreaterThan(0);
    if (Math.abs(ours - proof) < 1e-9) equal++;
  }
  expect(equal).toBeGreaterThan(0);
  expect(connectedBound([0.3, 0.7], [0, 0], 1)).toBeCloseTo(0, 14);
  expect(connectedBound([0.3, 0.7], [30, 30], 1)).toBeCloseTo(0.3, 14);
  expect(connectedBound([0.2, 0.3, 0.5], [0, 0, 1], 2)).toBeCloseTo(0.5 - normalCdf(-0.5), 12);
});

test(`theorem 2: the divergence of mixtures of disjoint parts is the mean of the parts' divergences (seed ${seed})`, () => {
  const draw = drawer('parts');
  const distribution = (count: number) => {
    const weights = Array.from({ length: count }, () => (draw() < 0.2 ? 0 : draw()) + 1e-300), total = weights.reduce((a, b) => a + b);
    return weights.map((w) => w / total);
  };
  for (let trial = 0; trial < 300; trial++) {
    const parts = 1 + Math.floor(draw(0, 8)), mass = distribution(parts), sizes = mass.map(() => 1 + Math.floor(draw(0, 12)));
    const [p, q] = [sizes.map(distribution), sizes.map(distribution)];
    const mixture = (of: readonly (readonly number[])[]) => of.flatMap((part, i) => part.map((v) => mass[i]! * v));
    const whole = jensenShannon(mixture(p), mixture(q));
    expect(Math.abs(whole - partedDivergence(mass, p, q))).toBeLessThan(1e-12);
    expect(whole <= Math.LN2 + 1e-15 && whole >= 0).toBe(true);
  }
  // Where parts overlap, the mixtures are nearer than the parts: the equality is of a partition.
  expect(jensenShannon([0.5, 0.5], [0.5, 0.5])).toBe(0);
  expect(partedDivergence([0.5, 0.5], [[1, 0], [0, 1]], [[0, 1], [1, 0]])).toBeCloseTo(Math.LN2, 14);
});
