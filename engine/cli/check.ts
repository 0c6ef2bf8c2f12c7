/** @file `gantry check GRAPH…`: composes, and shows every issue or what the sizes resolved to. */
import type { Command } from 'commander';
import { graphError } from '../spec/issue.js';
import { show } from '../spec/tensor-type.js';
import type { Plan } from '../dataflow/plan.js';
import { command, emit, fail } from './command.js';
import { graph, openGraph, type GraphOptions } from './graph.js';

export const checkCommand = (): Command =>
  graph(command('check <graphs...>', 'Compose graphs without running them: every issue with its place, or the resolved types; of several graphs, a line each.', [
    ['gantry check graphs/self-conditioned-gan/grid.json', 'does it compose?'],
    ['gantry check my.json --set data.config.batch=32', 'with a setting changed'],
    ['gantry check graphs/*/*.json', 'do all of them?'],
  ])).action(async (files: readonly string[], options: GraphOptions) => {
    if (files.length === 1) return check(files[0]!, options, true);
    let composed = 0;
    for (const file of files) {
      try {
        await check(file, options, false);
        composed++;
      } catch (error) {
        // A graph that is wrong keeps none of the others from being checked.
        process.exitCode = Math.max(Number(process.exitCode ?? 0), fail(error, options));
      }
    }
    if (!options.json) process.stdout.write(`${composed} of ${files.length} graphs compose\n`);
  });

/** Composes a graph and says what came of it; in full: with the types of its nodes. */
async function check(file: string, options: GraphOptions, full: boolean): Promise<void> {
  const { loaded, engine } = await openGraph(file, options);
  const { plan, issues } = await engine.check(loaded);
  if (!plan) {
    if (options.json) for (const issue of issues) emit({ type: 'issue', where: file, ...issue });
    throw graphError(file, issues);
  }
  const nodes = plan.nodes.map((node) => describe(plan, node.id));
  if (options.json) {
    for (const node of full ? nodes : []) emit({ type: 'node', ...node });
    return emit({ type: 'composed', graph: file, nodes: nodes.length, edges: edgesOf(plan), waves: plan.waves ?? null });
  }
  const width = Math.max(...nodes.map(({ id }) => id.length)), wide = Math.max(...nodes.map(({ node }) => node.length));
  for (const { id, node, cadence, outputs } of full ? nodes : []) {
    const ports = Object.entries(outputs).map(([port, type]) => `${port} ${type}`).join(', ');
    process.stdout.write(`${id.padEnd(width)}  ${node.padEnd(wide)}  ${ports || 'no outputs'}${cadence === 'every wave' ? '' : `  (${cadence})`}\n`);
  }
  process.stdout.write(`${file} composes: ${nodes.length} nodes, ${edgesOf(plan)} edges${plan.waves === undefined ? '' : `, ${plan.waves} waves`}\n`);
}

const edgesOf = (plan: Plan): number => plan.nodes.reduce((sum, { edges }) => sum + edges.length, 0);

function describe(plan: Plan, id: string) {
  const { type, outputs, cadence, edges } = plan.nodes.find((node) => node.id === id)!;
  const spell = (resolved: ReturnType<Plan['type']>): string => (typeof resolved === 'object' ? show(resolved) : resolved ?? '');
  return {
    id, node: type.name, cadence,
    inputs: Object.fromEntries(edges.map((edge) => [edge.port, { from: `${edge.from}.${edge.output}`, type: spell(plan.type(id, edge.port)), clock: edge.clock }])),
    outputs: Object.fromEntries(Object.keys(outputs).map((port) => [port, spell(plan.outputType(id, port))])),
  };
}
