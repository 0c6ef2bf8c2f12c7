/**
 * @file In which order a program's equations run: the same numbers, and less memory at once. Depth first, a gradient's chain goes all the way down before the first
 * weight's gradient is taken, and every layer's slope waits for that; here what frees memory goes first, as it does where gradients are taken layer by layer.
 */
import { topological, type Equation, type Tensor } from '../tensor.js';

const BYTES: Readonly<Record<string, number>> = { f64: 8, i64: 8, bool: 1, u8: 1 };
/** Sizes that are symbols count as this many: a batch. */
const MANY = 64;
const bytesOf = ({ dtype, dims }: Tensor): number => dims.reduce<number>((product, size) => product * (typeof size === 'number' ? size : MANY), BYTES[dtype] ?? 4);

/** Takes no memory of its own: it is there before, or is another view of its input. */
const PLACELESS: ReadonlySet<string> = new Set(['input', 'constant', 'reshape']);
/** The tensor whose memory this one lies in. */
function homeOf(t: Tensor): Tensor {
  let home = t;
  while (home.equation.op.name === 'reshape') home = home.equation.inputs[0]!;
  return home;
}

/** What of memory each equation needs and reads, and how many equations read each piece of memory; results stay. */
function survey(order: readonly Equation[], roots: readonly Tensor[]) {
  const readers = new Map<Tensor, number>(), reads = new Map<Equation, readonly Tensor[]>(), stays = new Set(roots.map(homeOf));
  for (const equation of order) {
    const homes = [...new Set(equation.inputs.map(homeOf))].filter((home) => !PLACELESS.has(home.equation.op.name));
    reads.set(equation, homes);
    for (const home of homes) readers.set(home, (readers.get(home) ?? 0) + 1);
  }
  const needs = (equation: Equation) => (PLACELESS.has(equation.op.name) ? 0 : equation.outputs.reduce((sum, t) => sum + bytesOf(t), 0));
  return { readers, reads, stays, needs };
}

/** The most bytes at once, if the equations run in this order. */
export function peakOf(order: readonly Equation[], roots: readonly Tensor[]): number {
  const { readers, reads, stays, needs } = survey(order, roots);
  let held = 0, peak = 0;
  for (const equation of order) {
    held += needs(equation);
    peak = Math.max(peak, held);
    for (const home of reads.get(equation)!) {
      readers.set(home, readers.get(home)! - 1);
      if (readers.get(home) === 0 && !stays.has(home)) held -= bytesOf(home);
    }
    for (const t of equation.outputs) if (!readers.has(t) && !stays.has(t) && !PLACELESS.has(equation.op.name)) held -= bytesOf(t);
  }
  return peak;
}

/** All equations that `roots` depend on, each after those it uses, in the better of two orders: depth first, or always the one that adds least to what is held. */
export function schedule(roots: readonly Tensor[]): readonly Equation[] {
  const deep = topological(roots), { readers, reads, stays, needs } = survey(deep, roots), place = new Map(deep.map((equation, i) => [equation, i]));
  const waits = new Map<Equation, number>(), users = new Map<Equation, Set<Equation>>();
  for (const equation of deep) {
    const sources = new Set(equation.inputs.map((t) => t.equation));
    waits.set(equation, sources.size);
    for (const source of sources) users.set(source, (users.get(source) ?? new Set()).add(equation));
  }
  const adds = (equation: Equation) => reads.get(equation)!.reduce((sum, home) => (readers.get(home) === 1 && !stays.has(home) ? sum - bytesOf(home) : sum), needs(equation));
  const ready = new Set(deep.filter((equation) => waits.get(equation) === 0)), order: Equation[] = [];
  while (ready.size) {
    let next: Equation | undefined, least = Number.POSITIVE_INFINITY;
    for (const equation of ready) {
      const more = adds(equation);
      if (more < least || (more === least && place.get(equation)! < place.get(next!)!)) [next, least] = [equation, more];
    }
    ready.delete(next!);
    order.push(next!);
    for (const home of reads.get(next!)!) readers.set(home, readers.get(home)! - 1);
    for (const user of users.get(next!) ?? []) {
      waits.set(user, waits.get(user)! - 1);
      if (waits.get(user) === 0) ready.add(user);
    }
  }
  return peakOf(order, roots) < peakOf(deep, roots) ? order : deep;
}
