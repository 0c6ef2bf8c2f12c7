/**
 * @file In which order a program's equations run: the same numbers, and less memory at once. Depth first, a gradient's chain goes all the way down before the first
 * weight's gradient is taken, and every layer's slope waits for that; here what frees memory goes first, as it does where gradients are taken layer by layer.
 */
import { bytesOf } from '../dims.js';
import { topological, type Equation, type Tensor } from '../tensor.js';
import { renewable } from './renewal.js';

/** Sizes that are symbols count as this many: a batch. */
const MANY = 64;

/** Takes no memory of its own: it is there before, or is another view of its input. */
const PLACELESS: ReadonlySet<string> = new Set(['input', 'constant', 'reshape']);
/** The same in this ledger: a copy that is made for each reader. */
const placeless = (equation: Equation): boolean => PLACELESS.has(equation.op.name) || renewable(equation);
/** The tensor whose memory this one lies in. */
function homeOf(t: Tensor): Tensor {
  let home = t;
  while (home.equation.op.name === 'reshape') home = home.equation.inputs[0]!;
  return home;
}

/** What is held while these equations run in some order; results have places of their own. */
function ledger(equations: readonly Equation[], roots: readonly Tensor[]) {
  const readers = new Map<Tensor, number>(), reads = new Map<Equation, readonly Tensor[]>(), elsewhere = new Set(roots.map(homeOf));
  for (const equation of equations) {
    const homes = [...new Set(equation.inputs.map(homeOf))].filter((home) => !placeless(home.equation) && !elsewhere.has(home));
    reads.set(equation, homes);
    for (const home of homes) readers.set(home, (readers.get(home) ?? 0) + 1);
  }
  const total = (tensors: readonly Tensor[]) => tensors.reduce((sum, t) => sum + bytesOf(t, MANY), 0);
  const made = new Map(equations.map((equation) => [equation, placeless(equation) ? [] : equation.outputs.filter((t) => !elsewhere.has(t))]));
  const freed = (equation: Equation) => total([...reads.get(equation)!.filter((home) => readers.get(home) === 1), ...made.get(equation)!.filter((t) => !readers.has(t))]);
  let held = 0, peak = 0;
  return {
    /** How many bytes more are held after this equation than before it. */
    adds: (equation: Equation) => total(made.get(equation)!) - freed(equation),
    run(equation: Equation) {
      held += total(made.get(equation)!);
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
export const readsMuch = ({ inputs }: Equation, bytes: number): boolean => inputs.some((t) => !PLACELESS.has(homeOf(t).equation.op.name) && bytesOf(t, MANY) >= bytes);

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

/** The terms of a sum, in order. */
function termsOf(t: Tensor): readonly Tensor[] {
  const home = homeOf(t), { op, inputs } = home.equation;
  return op.name === 'add' ? inputs.flatMap(termsOf) : [home];
}
/** A network's flat gradient: the first terms of its parts, then the second. Each come from one pass through the network. */
interface Gradient { readonly equation: Equation; readonly passes: readonly (readonly Tensor[])[] }

const gradients = (equations: readonly Equation[]): readonly Gradient[] =>
  equations.filter(({ op, outputs: [whole] }) => op.name === 'concat' && whole!.rank === 1).map((equation) => {
    const parts = equation.inputs.map(termsOf), most = Math.max(...parts.map((terms) => terms.length));
    return { equation, passes: Array.from({ length: most }, (_, k) => parts.flatMap((terms) => terms.slice(k, k + 1))) };
  });

/** Stages that go from pass to pass, and from each gradient at once to the roots that need no later one; `needs` are those that each root depends on. */
const byPasses = (list: readonly Gradient[], needs: ReadonlyMap<Tensor, ReadonlySet<Equation>>): readonly (readonly Tensor[])[] =>
  list.flatMap(({ passes }, i) => [...passes, [...needs].filter(([, before]) => !list.slice(i + 1).some(({ equation }) => before.has(equation))).map(([root]) => root)]);

/** A list and its reverse, unless there is no other way round. */
const eitherWay = <T>(list: readonly T[]): readonly (readonly T[])[] => (list.length > 1 ? [list, [...list].reverse()] : [list]);

/**
 * All equations that `roots` depend on, each after those it uses, in the best of some orders: always what adds least to what is held; the same one root after the
 * other, from either end, so that a discriminator's gradients are done before a generator's begin, or the other way round; the same one pass through a network after
 * the other, so that a penalty's slopes are gone before generated images come; and depth first.
 */
export function schedule(roots: readonly Tensor[]): readonly Equation[] {
  const deep = topological(roots), known = dependencies(deep), networks = gradients(deep), needs = new Map(roots.map((root) => [root, new Set(topological([root]))]));
  const turned = networks.map((gradient) => ({ ...gradient, passes: [...gradient.passes].reverse() }));
  const stages = [
    [roots],
    ...(roots.length > 1 ? eitherWay(roots.map((root) => [root])) : []),
    ...(networks.length ? [...eitherWay(networks), ...eitherWay(turned)].map((list) => [...byPasses(list, needs), roots]) : []),
  ];
  const orders = [...stages.map((one) => greedy(deep, known, roots, one)), { order: deep, peak: peakOf(deep, roots) }];
  return orders.reduce((best, one) => (one.peak < best.peak ? one : best)).order;
}
