/** @file Random numbers: the published answers of Philox, the distributions, and that a stream depends on its key alone. */
import { keyedRandom } from '../../engine/session/keyed-random.js';
import { mulhi, philox } from '../../engine/session/philox.js';

const seed = 20260;
const draw = (count: number) => keyedRandom(seed, 'node', 3, 'z').normal(count);
const words = (text: string) => text.split(' ').map((word) => Number.parseInt(word, 16));

// Random123 (D. E. Shaw Research), tests/kat_vectors: counter, key, answer
test.each([
  ['00000000 00000000 00000000 00000000', '00000000 00000000', '6627e8d5 e169c58d bc57ac4c 9b00dbd8'],
  ['ffffffff ffffffff ffffffff ffffffff', 'ffffffff ffffffff', '408f276d 41c83b0e a20bc7c6 6d5451fd'],
  ['243f6a88 85a308d3 13198a2e 03707344', 'a4093822 299f31d0', 'd16cfe09 94fdcceb 5001e420 24126ea1'],
])('Philox4x32-10 of %s under %s is the published answer', (counter, key, answer) => {
  const [c0, c1, c2, c3] = words(counter) as [number, number, number, number], [k0, k1] = words(key) as [number, number];
  expect([...philox(new Uint32Array(4), c0, c1, c2, c3, k0, k1)]).toEqual(words(answer));
  // and again as the second block of two
  expect([...philox(new Uint32Array(8), c0 - 1, c1, c2, c3, k0, k1).subarray(4)]).toEqual(words(answer));
});

test('the high word of a product is exact', () => {
  const cases = [0, 1, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff, ...philox(new Uint32Array(8), 1, 2, 3, 4, 5, 6)];
  for (const a of cases) for (const b of cases) expect(mulhi(a, b) >>> 0).toBe(Number(BigInt(a) * BigInt(b) >> 32n));
});

test('a stream is a function of seed, node, wave and name, and of nothing else', () => {
  const first = draw(64);
  keyedRandom(seed, 'node', 3, 'other').normal(1000);
  expect(draw(64)).toEqual(first);
  const a = keyedRandom(seed, 'node', 3, 'a'), b = keyedRandom(seed, 'node', 3, 'b');
  const apart = [keyedRandom(seed, 'node', 3, 'a').uniform(10), keyedRandom(seed, 'node', 3, 'b').uniform(10)];
  expect([b.uniform(10), a.uniform(10)]).toEqual([apart[1], apart[0]]);
});

test('draws of one stream differ from each other and do not depend on how many numbers the last one left unused', () => {
  const one = keyedRandom(seed, 'node', 0, 'x'), two = keyedRandom(seed, 'node', 0, 'x');
  const [first] = [one.uniform(3), two.uniform(4)];
  const second = one.uniform(4);
  expect(second).toEqual(two.uniform(4));
  expect([...second.subarray(0, 3)]).not.toEqual([...first!]);
});

test('keys that look alike give unrelated streams', () => {
  const keys: [number, string, number, string][] = [
    [1, 'ab', 0, 'c'], [1, 'a', 0, 'bc'], [1, 'abc', 0, ''], [1, '', 0, 'abc'], [1, 'ab', 0, 'c\0'], [2, 'ab', 0, 'c'], [1, 'ab', 1, 'c'],
    [1, 'ab', 2 ** 32, 'c'], [1 + 2 ** 32, 'ab', 0, 'c'], [-1, 'ab', 0, 'c'], [1, 'ab', -1, 'c'], [1, 'a long name of a node', 0, 'c'], [1, 'a long name of a nodf', 0, 'c'],
  ];
  const starts = keys.map((key) => keyedRandom(...key).uniform(4).join());
  expect(new Set(starts).size).toBe(keys.length);
});

test(`uniform numbers lie in [0,1) and fill it evenly (seed ${seed})`, () => {
  const numbers = keyedRandom(seed, 'node', 0, 'u').uniform(100_003);
  expect(numbers).toHaveLength(100_003);
  const counts = new Array<number>(16).fill(0);
  for (const x of numbers) counts[Math.floor(x * 16)]!++;
  const expected = numbers.length / 16;
  const chiSquare = counts.reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0);
  expect(chiSquare).toBeLessThan(37.7); // 99.9 % of chi-square with 15 degrees of freedom
  expect(Math.min(...numbers.subarray(0, 1000))).toBeGreaterThanOrEqual(0);
});

test(`normal numbers have the moments of the normal distribution (seed ${seed})`, () => {
  const numbers = keyedRandom(seed, 'node', 0, 'n').normal(200_001);
  const moment = (k: number) => numbers.reduce((sum, x) => sum + x ** k, 0) / numbers.length;
  const within = (k: number, value: number, variance: number) =>
    expect(Math.abs(moment(k) - value)).toBeLessThan(4 * Math.sqrt(variance / numbers.length));
  within(1, 0, 1);
  within(2, 1, 2);
  within(3, 0, 15);
  within(4, 3, 96);
  const neighbours = numbers.reduce((sum, x, i) => sum + x * (numbers[i ^ 1] ?? 0), 0) / numbers.length;
  expect(Math.abs(neighbours)).toBeLessThan(4 * Math.sqrt(2 / numbers.length));
});

test(`integers cover 0..below-1 without bias, also just below a power of two (seed ${seed})`, () => {
  const numbers = keyedRandom(seed, 'node', 0, 'i').integers(60_000, 6);
  const counts = new Array<number>(6).fill(0);
  for (const n of numbers) counts[n]!++;
  expect(counts.reduce((sum, n) => sum + (n - 10_000) ** 2 / 10_000, 0)).toBeLessThan(20.5); // 99.9 %, 5 degrees of freedom
  const below = 3 * 2 ** 29; // a plain remainder would give the lower quarter half more than its share
  const low = keyedRandom(seed, 'node', 1, 'i').integers(20_000, below).filter((n) => n < below / 2).length;
  expect(Math.abs(low - 10_000)).toBeLessThan(4 * Math.sqrt(5000));
  const whole = keyedRandom(seed, 'node', 2, 'i').integers(1000, 2 ** 31);
  expect(Math.min(...whole)).toBeGreaterThanOrEqual(0);
});

test.each([0, -1, 2.5, 2 ** 31 + 1, Number.NaN])('integers below %p are refused', (below) => {
  expect(() => keyedRandom(seed, 'node', 0, 'i').integers(1, below)).toThrow('1 <= below <= 2^31');
});

test.each([0, 1, 2, 1000])('a permutation of %i has every number once', (count) => {
  const order = keyedRandom(seed, 'node', 0, 'p').permutation(count);
  expect([...order].sort((a, b) => a - b)).toEqual([...Array(count).keys()]);
});

test(`all orders of three come up alike (seed ${seed})`, () => {
  const counts = new Map<string, number>(), random = keyedRandom(seed, 'node', 0, 'p');
  for (let i = 0; i < 6000; i++) {
    const order = random.permutation(3).join('');
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  expect(counts.size).toBe(6);
  expect([...counts.values()].reduce((sum, n) => sum + (n - 1000) ** 2 / 1000, 0)).toBeLessThan(20.5);
});

test('a seed that is not an integer is refused', () => {
  expect(() => keyedRandom(0.5, 'node', 0, 'z')).toThrow('integer seed');
});
