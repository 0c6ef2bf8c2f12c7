/** @file Gives up residents of the session host that nothing refers to any more: mark and sweep, once a wave. Authors never release. */
import type { SessionHost } from '../session/host.js';
import { Resident, isTransient } from '../spec/value.js';

type Ids = ReadonlySet<number>;
const NONE: Ids = new Set();

/** A plain object or array, of whatever realm. */
function isPlain(value: object): boolean {
  if (Array.isArray(value)) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** Values are immutable, so what an object refers to is found once. */
const known = new WeakMap<object, Ids>();

/** The residents that a value refers to, through plain objects and arrays. */
export function residentsOf(value: unknown): Ids {
  if (typeof value !== 'object' || value === null) return NONE;
  const before = known.get(value);
  if (before) return before;
  known.set(value, NONE);
  if (ArrayBuffer.isView(value) || isTransient(value)) return NONE;
  const found = new Set<number>();
  if (value instanceof Resident) found.add(value.id);
  else if (isPlain(value)) {
    for (const inner of Array.isArray(value) ? value : Object.values(value)) {
      // Numbers and strings are most of a state: they are passed by without a call.
      if (typeof inner === 'object' && inner !== null) for (const id of residentsOf(inner)) found.add(id);
    }
  }
  if (found.size) known.set(value, found);
  return found;
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
    for (const root of roots) for (const id of residentsOf(root)) marked.add(id);
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
        noticed.set(id, since);
        if (!marked.has(id) && since < oldest) garbage.push(new Resident(id, 'f32', []));
      }
      for (const { id } of garbage) noticed.delete(id);
      if (garbage.length) host.release(garbage);
      if (noticed.size > 2 * host.residents.size + 16) for (const id of noticed.keys()) if (!host.residents.has(id)) noticed.delete(id);
    },
  };
}
