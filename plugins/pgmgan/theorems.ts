/** @file What PGMGAN's theorems 1 and 2 say (Armandpour et al., 2021), as pure functions: the normal distribution, the bound on connected generators, and divergences. */

/** The standard normal density. */
export const normalDensity = (x: number): number => Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);

/** Up to here the series of the normal distribution function converges fast; beyond, the continued fraction of its tail does. */
const SERIES = 3;

/** Mass of the standard normal distribution above x >= SERIES: Laplace's continued fraction of Mills' ratio, from its far end. */
function tail(x: number): number {
  let fraction = x;
  for (let k = 120; k >= 1; k--) fraction = x + k / fraction;
  return normalDensity(x) / fraction;
}

/** Phi: mass of the standard normal distribution below x, with small relative error on both tails' own sides. */
export function normalCdf(x: number): number {
  if (Number.isNaN(x)) return Number.NaN;
  if (x > SERIES) return 1 - tail(x);
  if (x < -SERIES) return tail(-x);
  // Phi(x) - 1/2 is the density times x + x^3/3 + x^5/(3 5) + ...
  let term = x, total = x;
  for (let k = 3; total + term !== total; k += 2) {
    term *= x * x / k;
    total += term;
  }
  return 0.5 + normalDensity(x) * total;
}

/** The x at which Phi is p, by halving an interval that holds it far below its last digit. */
export function normalQuantile(p: number): number {
  if (!(p >= 0 && p <= 1)) return Number.NaN;
  if (p === 0 || p === 1) return p === 0 ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  let [low, high] = [-40, 40];
  for (let i = 0; i < 70; i++) {
    const middle = (low + high) / 2;
    if (normalCdf(middle) < p) low = middle; else high = middle;
  }
  return (low + high) / 2;
}

/**
 * Theorem 1: how far, in total variation, a connected generator's samples must be from data that lie on manifolds apart. Data have `mass[i]` on manifold i, which is
 * `gap[i]` from the union of the others; the generator is `slope`-Lipschitz in a standard normal latent of any dimension. With r = gap / slope and mass p on manifold i,
 * the Gaussian isoperimetric inequality leaves at least Phi(Phi^-1(p) + r) - p outside all manifolds. If p <= mass, the distance is at least that and at least mass - p,
 * whose greater is least where one is the other, or at p = mass; if p > mass, it is at least what is outside and p - mass together, least at p = mass.
 * Hence the closed form below (the published one is lost), positive wherever a gap is. Of two manifolds that fill half-lines, an affine map attains it.
 */
export function connectedBound(mass: readonly number[], gap: readonly number[], slope: number): number {
  return Math.max(...mass.map((pi, i) => {
    const z = normalQuantile(pi), r = gap[i]! / slope;
    return Math.min(pi - normalCdf(z - r), normalCdf(z + r) - pi);
  }));
}

/** Half the sum of absolute differences of two discrete distributions. */
export const totalVariation = (p: readonly number[], q: readonly number[]): number => p.reduce((total, v, i) => total + Math.abs(v - q[i]!), 0) / 2;

/** Kullback-Leibler divergence of discrete distributions, in nats: 0 log 0 is 0. */
const divergence = (p: readonly number[], q: readonly number[]): number => p.reduce((total, v, i) => (v > 0 ? total + v * Math.log(v / q[i]!) : total), 0);

/** Jensen-Shannon divergence of discrete distributions, in nats: 0 if they are equal, log 2 if they are disjoint. */
export function jensenShannon(p: readonly number[], q: readonly number[]): number {
  const middle = p.map((v, i) => (v + q[i]!) / 2);
  return (divergence(p, middle) + divergence(q, middle)) / 2;
}

/** Theorem 2's right side: the divergences of each part, weighed by the parts' masses. It equals the divergence of the mixtures where parts are disjoint. */
export const partedDivergence = (mass: readonly number[], p: readonly (readonly number[])[], q: readonly (readonly number[])[]): number =>
  mass.reduce((total, pi, i) => total + pi * jensenShannon(p[i]!, q[i]!), 0);
