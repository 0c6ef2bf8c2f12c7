/** @file The order in which nodes can step, and the cycles that leave none. */
import type { Issue } from '../spec/issue.js';
import { EVERY_WAVE, type Edge } from './plan.js';

export interface Wired { readonly id: string; readonly edges: readonly Edge[] }

/** Every node after those whose outputs it needs in the same wave: edges that are `previous` don't count. A cycle is an issue. */
export function order<N extends Wired>(nodes: readonly N[], issues: Issue[]): readonly N[] {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const sorted: N[] = [];
  const state = new Map<string, 'open' | 'done'>();
  const trail: { id: string; port: string }[] = [];
  const visit = (node: N) => {
    state.set(node.id, 'open');
    for (const { from, port, clock } of node.edges) {
      const source = byId.get(from);
      if (clock === 'previous' || !source) continue;
      trail.push({ id: node.id, port });
      if (state.get(from) === 'open') issues.push(cycle(trail.slice(trail.findIndex((step) => step.id === from))));
      else if (!state.has(from)) visit(source);
      trail.pop();
    }
    state.set(node.id, 'done');
    sorted.push(node);
  };
  for (const node of nodes) if (!state.has(node.id)) visit(node);
  return sorted;
}

/** The trail goes from consumer to producer; the sentence follows the data. */
function cycle(trail: readonly { readonly id: string; readonly port: string }[]): Issue {
  const { id, port } = trail[0]!;
  const names = [id, ...trail.slice(1).map((step) => step.id).reverse(), id];
  return {
    at: `nodes.${id}.in.${port}`,
    says: `${names.join(' -> ')} is a cycle within one wave; a cycle must cross an input that is { previous }`,
  };
}

/** How often each node steps: its events' cadence, or what its type says of itself. Events of different cadence are an issue. */
export function cadences(
  nodes: readonly (Wired & { readonly declared: string | undefined })[], issues: Issue[],
): ReadonlyMap<string, string> {
  const emitted = new Map<string, string>(), stepping = new Map<string, string>();
  for (const { id, edges, declared } of nodes) {
    const events = edges.filter((edge) => edge.clock === 'event' && emitted.has(edge.from));
    const [first] = events;
    const cadence = first ? emitted.get(first.from)! : EVERY_WAVE;
    const other = events.find((edge) => emitted.get(edge.from) !== cadence);
    if (first && other) {
      issues.push({
        at: `nodes.${id}.in.${other.port}`,
        says: `${other.from}.${other.output} ticks ${emitted.get(other.from)}; ${first.from}.${first.output} ticks ${cadence}: `
          + 'a node steps only in the waves in which all its events arrive',
      });
    }
    stepping.set(id, cadence);
    if (!other) emitted.set(id, declared === undefined ? cadence : cadence === EVERY_WAVE ? declared : `${declared} of those (${cadence})`);
  }
  return stepping;
}
