/** @file Which images serve as instances: uniformly, or class by class with masses that do not follow how many images a class has. */
import type { Random } from '../../engine/index.js';

export type Balance = 'instance' | 'class' | 'inverse-frequency' | 'temperature';

/**
 * The mass of each class from its number of images. `class`: equal (the class-balanced baseline of IC-GAN's paper); `inverse-frequency`: N / n_c (what its code
 * does under that name); `temperature`: (n_c / N)^(1/T), in all 1. A class without images has none.
 */
export function classMasses(counts: ArrayLike<number>, balance: Exclude<Balance, 'instance'>, temperature: number): Float64Array {
  const total = Array.from(counts).reduce((a, b) => a + b, 0);
  const tempered = (n: number) => (n / total) ** (1 / temperature), all = Array.from(counts, tempered).reduce((a, b) => a + b, 0);
  const mass = { class: () => 1, 'inverse-frequency': (n: number) => total / n, temperature: (n: number) => tempered(n) / all }[balance];
  return Float64Array.from(counts, (n) => (n ? mass(n) : 0));
}

/** Draws instances among `allowed` (all of 0..size-1 unless given). */
export type Draw = (count: number, random: (name: string) => Random) => Int32Array;

export function createDraw(labels: Int32Array, classes: number, allowed: Int32Array | undefined, balance: Balance, temperature: number): Draw {
  const size = allowed?.length ?? labels.length, at = (i: number) => (allowed ? allowed[i]! : i);
  if (balance === 'instance') return (count, random) => random('instance').integers(count, size).map(at);
  const members: number[][] = Array.from({ length: classes }, () => []);
  for (let i = 0; i < size; i++) members[labels[at(i)]!]!.push(at(i));
  const masses = classMasses(members.map(({ length }) => length), balance, temperature);
  const below = new Float64Array(classes);
  masses.reduce((sum, mass, c) => (below[c] = sum + mass), 0);
  const total = below[classes - 1]!, last = masses.findLastIndex((mass) => mass > 0);
  return (count, random) => {
    const which = random('class').uniform(count), within = random('instance').uniform(count);
    return Int32Array.from({ length: count }, (_, i) => {
      // The first class whose masses up to it exceed the draw.
      let [low, high] = [0, last];
      while (low < high) {
        const middle = (low + high) >> 1;
        if (below[middle]! > which[i]! * total) high = middle;
        else low = middle + 1;
      }
      return members[low]![Math.floor(within[i]! * members[low]!.length)]!;
    });
  };
}
