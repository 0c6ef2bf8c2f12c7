/** @file Nodes that never stepped in a finished run: named, with the inputs that never came. */
import { GantryError, type Issue } from '../spec/issue.js';
import type { Finished } from './events.js';
import { EVERY_WAVE, type Plan, type PlannedNode } from './plan.js';
import type { Snapshot } from './snapshot.js';

/** The nodes that never stepped, in this run or before it was resumed. */
export const unstepped = (plan: Plan, snapshot: Snapshot): readonly string[] =>
  plan.nodes.map((node) => node.id).filter((id) => snapshot.nodes[id]!.steps === 0);

/**
 * The error for a finished run in which nodes never stepped; exit code 3. A run that was made shorter than the graph asks for is not to
 * blame for a cadence that lies beyond its end: such nodes are named in the event only.
 */
export function explain(plan: Plan, { waves, unstepped: ids }: Finished, snapshot: Snapshot): GantryError | undefined {
  const shortened = plan.waves !== undefined && waves < plan.waves;
  const nodes = plan.nodes.filter((node) => ids.includes(node.id) && !(shortened && node.cadence !== EVERY_WAVE));
  if (!nodes.length) return undefined;
  const issues = nodes.map((node): Issue => ({ at: `nodes.${node.id}`, says: `never stepped in ${waves} waves: ${reason(node, snapshot)}` }));
  return new GantryError('RunError', 'the finished run', issues, 3);
}

function reason(node: PlannedNode, snapshot: Snapshot): string {
  const silent = node.edges.find((edge) => snapshot.nodes[edge.from]!.steps === 0);
  if (silent) return `${silent.from} never stepped either`;
  const empty = node.edges.find((edge) => edge.clock !== 'event' && !edge.optional && snapshot.nodes[edge.from]!.registers[edge.output] === undefined);
  if (empty) return `${empty.from}.${empty.output}, which ${empty.port} holds, never had a value`;
  const events = node.edges.filter((edge) => edge.clock === 'event').map((edge) => `${edge.from}.${edge.output}`);
  return events.length === 1 ? `${events[0]} never came` : `${events.join(' and ')} never came in the same wave`;
}
