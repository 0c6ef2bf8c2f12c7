/** @file Symbolic sizes of a whole graph: union-find in which every equation remembers who wrote it, so that a contradiction can be explained. */
import type { Dim } from './tensor-type.js';

/** Why two types disagree. */
export interface Mismatch {
  readonly says: string;
  readonly because?: readonly string[];
}

/** A list of sizes and the port it is written at, for provenance. */
export interface Sized {
  readonly dims: readonly Dim[];
  readonly port: string;
}

/** Variables are `node.R`; a rest is `...node.S` and stands for a list of sizes. */
export interface Sizes {
  /** `variable` is `size`, says `why` (`data.config.resolution`). A contradiction gives the lines that prove it, and changes nothing. */
  know(variable: string, size: number, why: string): readonly string[] | undefined;
  /** Unifies two sizes. `why` is the edge that equates them. */
  equate(a: Dim, b: Dim, why: string): Mismatch | undefined;
  /** Unifies two lists, rests included; stops at the first mismatch. */
  match(a: Sized, b: Sized, why: string): Mismatch | undefined;
  /** The number, if it is known. */
  size(dim: Dim): number | undefined;
  /** The list with its rests replaced by what they stand for, and known sizes by numbers. */
  resolve(dims: readonly Dim[]): readonly Dim[];
}

export const isRest = (dim: Dim | undefined): dim is string => typeof dim === 'string' && dim.startsWith('...');

/** `R` of node `data` is `data.R`, `...S` is `...data.S`. */
export const scoped = (node: string, dim: Dim): Dim => (typeof dim === 'number' ? dim : isRest(dim) ? `...${node}.${dim.slice(3)}` : `${node}.${dim}`);
/** The letter an author wrote. */
export const letter = (dim: Dim): Dim => (typeof dim === 'number' ? dim : `${isRest(dim) ? '...' : ''}${dim.slice(dim.lastIndexOf('.') + 1)}`);

interface Fact { readonly variable: string; readonly size: number; readonly why: string }
interface Link { readonly to: string; readonly why: string }

export function createSizes(): Sizes {
  const parents = new Map<string, string>();
  const facts = new Map<string, Fact>();
  const links = new Map<string, Link[]>();
  const rests = new Map<string, readonly Dim[]>();

  const root = (variable: string): string => {
    let top = variable;
    for (let up = parents.get(top); up !== undefined; up = parents.get(top)) top = up;
    for (let v = variable; v !== top; ) {
      const up = parents.get(v)!;
      parents.set(v, top);
      v = up;
    }
    return top;
  };
  const fact = (variable: string) => facts.get(root(variable));
  const says = ({ variable, size, why }: Fact) => `${variable} = ${size} (${why})`;

  /** The equations that lead from one variable to another of its class; they form a forest, so there is one way. */
  const path = (from: string, to: string, came?: string): string[] | undefined => {
    if (from === to) return [];
    for (const link of links.get(from) ?? []) {
      if (link.to === came) continue;
      const rest = path(link.to, to, from);
      if (rest) return [`${link.to} = ${from} (${link.why})`, ...rest];
    }
    return undefined;
  };
  /** Why `variable` has its size, or why it can't have another. */
  const proof = (variable: string): string[] => {
    const known = fact(variable);
    return known ? [says(known), ...(path(known.variable, variable) ?? [])] : [];
  };

  const know: Sizes['know'] = (variable, size, why) => {
    const known = fact(variable);
    if (!known) facts.set(root(variable), { variable, size, why });
    else if (known.size !== size) return [...proof(variable), says({ variable, size, why })];
    return undefined;
  };
  const link = (a: string, b: string, why: string) => {
    for (const [from, to] of [[a, b], [b, a]] as const) links.set(from, [...(links.get(from) ?? []), { to, why }]);
  };

  const equate = (a: Dim, b: Dim, why: string, whyA = why, whyB = why): Mismatch | undefined => {
    if (typeof a === 'number' && typeof b === 'number') return a === b ? undefined : { says: `${a} is not ${b}` };
    if (typeof a === 'number' || typeof b === 'number') {
      const clash = typeof a === 'number' ? know(b as string, a, whyA) : know(a, b as number, whyB);
      return clash && { says: 'disagrees', because: clash };
    }
    const [ra, rb] = [root(a), root(b)];
    if (ra === rb) return undefined;
    const [fa, fb] = [facts.get(ra), facts.get(rb)];
    if (fa && fb && fa.size !== fb.size) return { says: 'disagrees', because: [...proof(a), ...proof(b)] };
    parents.set(rb, ra);
    if (fb && !fa) facts.set(ra, fb);
    link(a, b, why);
    return undefined;
  };

  const expand = (dims: readonly Dim[]): Dim[] => dims.flatMap((d) => (isRest(d) && rests.has(d) ? expand(rests.get(d)!) : [d]));
  const rank = (dims: readonly Dim[]) => (dims.some(isRest) ? `rank ${dims.length - 1} or more` : `rank ${dims.length}`);

  const match: Sizes['match'] = (a, b, why) => {
    const [x, y] = [expand(a.dims), expand(b.dims)];
    const ranks = { says: `${rank(x)} is not ${rank(y)}` };
    let start = 0, end = 0;
    const pair = (i: number, j: number): Mismatch | undefined => {
      const clash = equate(x[i]!, y[j]!, why, a.port, b.port);
      return clash && { ...clash, says: `dimension ${i}${clash.because ? '' : ':'} ${clash.says}` };
    };
    const more = () => start + end < x.length && start + end < y.length;
    for (; more() && !isRest(x[start]) && !isRest(y[start]); start++) {
      // Ranks first: sizes of types that differ in rank say little.
      if (!x.some(isRest) && !y.some(isRest) && x.length !== y.length) return ranks;
      const clash = pair(start, start);
      if (clash) return clash;
    }
    for (; more() && !isRest(x[x.length - 1 - end]) && !isRest(y[y.length - 1 - end]); end++) {
      const clash = pair(x.length - 1 - end, y.length - 1 - end);
      if (clash) return clash;
    }
    const [left, right] = [x.slice(start, x.length - end), y.slice(start, y.length - end)];
    if (left.length === 0 && right.length === 0) return undefined;
    for (const [one, other] of [[left, right], [right, left]] as const) {
      const [rest] = one;
      if (one.length !== 1 || !isRest(rest)) continue;
      if (other.length === 1 && other[0] === rest) return undefined;
      if (other.includes(rest)) return { says: `${letter(rest)} would contain itself` };
      rests.set(rest, other);
      return undefined;
    }
    return left.some(isRest) && right.some(isRest) ? { says: 'two rests in different places can not be compared' } : ranks;
  };

  const size: Sizes['size'] = (dim) => (typeof dim === 'number' ? dim : fact(dim)?.size);
  return { know, equate, match, size, resolve: (dims) => expand(dims).map((d) => size(d) ?? d) };
}
