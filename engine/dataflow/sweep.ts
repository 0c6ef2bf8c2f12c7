/** @file Gives up residents of the session host that nothing refers to any more: mark and sweep, once a wave. Authors never release. */
import type { SessionHost } from '../session/host.js';
import { Resident, isTransient } from '../spec/value.js';

type Ids = ReadonlySet<number>;

/** A plain object or array, of whatever realm. */
function isPlain(value: object): boolean {
  if (Array.isArray(value)) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** Values are immutable, so what a large one refers to is found once. Small ones are walked again: remembering costs more. */
const known = new WeakMap<object, Ids>();
const LARGE = 16;

function collect(value: unknown, into: Set<number>): void {
  if (typeof value !== 'object' || value === null) return;
  if (value instanceof Resident) into.add(value.id);
  else if (!ArrayBuffer.isView(value) && isPlain(value) && !isTransient(value)) {
    const inner: readonly unknown[] = Array.isArray(value) ? value : Object.values(value);
    if (inner.length < LARGE) {
      for (const one of inner) collect(one, into);
      return;
    }
    let ids = known.get(value);
    if (!ids) {
      const found = new Set<number>();
      for (const one of inner) collect(one, found);
      known.set(value, found);
      ids = found;
    }
    for (const id of ids) into.add(id);
  }
}

/** The residents that a value refers to, through plain objects and arrays. */
export function residentsOf(value: unknown): Ids {
  const ids = new Set<number>();
  collect(value, ids);
  return ids;
}

export interface Sweep {
  /** Residents that exist now and that `managed` does not refer to are never given up: nodes keep them outside their states. */
  pin(managed: readonly unknown[]): void;
  /** A step begins: whatever appears in the host until it ends may be its own. Gives the mark to end it with. */
  begin(): number;
  end(mark: number): void;
  /** Releases what neither `roots` nor a step under way can refer to. */
  sweep(roots: Iterable<unknown>): void;
}

/**
 * A resident that is not referred to is either garbage or belongs to a step under way that has not returned it yet. The host does not
 * say which, but a clock that ticks with every step does: what was noticed before the oldest step under way began is not that step's.
 */
export function createSweep(host: Pick<SessionHost, 'residents' | 'release'>): Sweep {
  const pinned = new Set<number>();
  /** When each resident was first noticed. */
  const noticed = new Map<number, number>();
  const running = new Set<number>();
  let clock = 0;
  const mark = (roots: Iterable<unknown>) => {
    const marked = new Set<number>();
    for (const root of roots) collect(root, marked);
    return marked;
  };
  return {
    pin(managed) {
      const marked = mark(managed);
      for (const id of host.residents) if (!marked.has(id)) pinned.add(id);
    },
    begin() {
      running.add(++clock);
      return clock;
    },
    end(begun) {
      running.delete(begun);
    },
    sweep(roots) {
      if (host.residents.size === pinned.size && noticed.size === 0) return;
      const marked = mark(roots);
      // A set keeps the order of insertion: the first step under way is the oldest.
      const oldest: number = running.values().next().value ?? Number.POSITIVE_INFINITY;
      const now = clock++;
      // The host knows residents by their ids; what else they were is forgotten with them.
      const garbage: Resident[] = [];
      for (const id of host.residents) {
        if (pinned.has(id)) continue;
        const since = noticed.get(id) ?? now;
        if (since === now) noticed.set(id, now);
        if (!marked.has(id) && since < oldest) garbage.push(new Resident(id, 'f32', []));
      }
      for (const { id } of garbage) noticed.delete(id);
      if (garbage.length) host.release(garbage);
      if (noticed.size > 2 * host.residents.size + 16) for (const id of noticed.keys()) if (!host.residents.has(id)) noticed.delete(id);
    },
  };
}
