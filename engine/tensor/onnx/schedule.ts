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

/** What is held while these equations run in some order; results stay. */
function ledger(equations: readonly Equation[], roots: readonly Tensor[]) {
  const readers = new Map<Tensor, number>(), reads = new Map<Equation, readonly Tensor[]>(), stays = new Set(roots.map(homeOf));
  for (const equation of equations) {
    const homes = [...new Set(equation.inputs.map(homeOf))].filter((home) => !PLACELESS.has(home.equation.op.name));
    reads.set(equation, homes);
    for (const home of homes) readers.set(home, (readers.get(home) ?? 0) + 1);
  }
  const total = (tensors: readonly Tensor[]) => tensors.reduce((sum, t) => sum + bytesOf(t), 0);
  const made = (equation: Equation) => (PLACELESS.has(equation.op.name) ? [] : equation.outputs);
  const freed = (equation: Equation) => total([...reads.get(equation)!.filter((home) => readers.get(home) === 1 && !stays.has(home)), ...made(equation).filter((t) => !readers.has(t) && !stays.has(t))]);
  let held = 0, peak = 0;
  return {
    /** How many bytes more are held after this equation than before it. */
    adds: (equation: Equation) => total(made(equation)) - freed(equation),
    run(equation: Equation) {
      held += total(made(equation));
      peak = Math.max(peak, held);
      held -= freed(equation);
      for (const home of reads.get(equation)!) readers.set(home, readers.get(home)! - 1);
    },
    /** The most bytes at once so far. */
    peak: () => peak,
  };
}

/** The most bytes at once, if the equations run in this order. */
export function peakOf(order: readonly Equation[], roots: readonly Tensor[]): number {
  const memory = ledger(order, roots);
  for (const equation of order) memory.run(equation);
  return memory.peak();
}

/** Whether it reads a tensor of so many bytes, whose memory waits for it. */
export const readsMuch = ({ inputs }: Equation, bytes: number): boolean => inputs.some((t) => !PLACELESS.has(homeOf(t).equation.op.name) && bytesOf(t) >= bytes);

/** Whom each equation waits for, and who waits for it. */
function dependencies(equations: readonly Equation[]) {
  const sources = new Map<Equation, ReadonlySet<Equation>>(), users = new Map<Equation, Set<Equation>>();
  for (const equation of equations) {
    const before = new Set(equation.inputs.map((t) => t.equation));
    sources.set(equation, before);
    for (const source of before) users.set(source, (users.get(source) ?? new Set()).add(equation));
  }
  return { sources, users };
}

/** Always the equation that adds least to what is held, among those that the first unfinished stage needs; of equals the first in `deep`. */
function greedy(deep: readonly Equation[], { sources, users }: ReturnType<typeof dependencies>, roots: readonly Tensor[], stages: readonly (readonly Tensor[])[]) {
  const memory = ledger(deep, roots), place = new Map(deep.map((equation, i) => [equation, i]));
  const waits = new Map([...sources].map(([equation, before]) => [equation, before.size])), order: Equation[] = [], done = new Set<Equation>();
  for (const stage of stages) {
    const wanted = new Set(topological(stage).filter((equation) => !done.has(equation)));
    const ready = new Set([...wanted].filter((equation) => waits.get(equation) === 0));
    while (ready.size) {
      let next: Equation | undefined, least = Number.POSITIVE_INFINITY;
      for (const equation of ready) {
        const more = memory.adds(equation);
        if (more < least || (more === least && place.get(equation)! < place.get(next!)!)) [next, least] = [equation, more];
      }
      ready.delete(next!);
      done.add(next!);
      order.push(next!);
      memory.run(next!);
      for (const user of users.get(next!) ?? []) {
        waits.set(user, waits.get(user)! - 1);
        if (waits.get(user) === 0 && wanted.has(user)) ready.add(user);
      }
    }
  }
  return { order, peak: memory.peak() };
}

/**
 * All equations that `roots` depend on, each after those it uses, in the best of some orders: always what adds least to what is held; the same one root after the
 * other, from either end, so that a discriminator's gradients are done before a generator's begin, or the other way round; and depth first.
 */
export function schedule(roots: readonly Tensor[]): readonly Equation[] {
  const deep = topological(roots), known = dependencies(deep), each = roots.map((root) => [root]);
  const stages = roots.length > 1 ? [[roots], each, [...each].reverse()] : [[roots]];
  const orders = [...stages.map((one) => greedy(deep, known, roots, one)), { order: deep, peak: peakOf(deep, roots) }];
  return orders.reduce((best, one) => (one.peak < best.peak ? one : best)).order;
}
