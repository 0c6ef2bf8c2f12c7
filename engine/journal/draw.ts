/** @file Drawings of a graph: SVG for the report and `gantry show`, Mermaid for documents, text for a terminal. */
import type { Clock, Plan } from '../dataflow/plan.js';
import { show } from '../spec/tensor-type.js';
import { layOut, type Point } from './layout.js';
import { escapeText, point } from './svg.js';

/** What is drawn of a graph. Types are spelled, resolved as far as the graph resolves them. */
export interface Drawing { readonly nodes: readonly DrawnNode[] }
export interface DrawnNode {
  readonly id: string;
  readonly type: string;
  readonly inputs: readonly { readonly name: string; readonly from: string; readonly output: string; readonly clock: Clock }[];
  readonly outputs: readonly { readonly name: string; readonly type: string }[];
}

/** The drawing of a composed graph. */
export const drawingOf = (plan: Plan): Drawing => ({
  nodes: plan.nodes.map(({ id, type, edges, outputs }) => ({
    id,
    type: type.name,
    inputs: edges.map(({ port, from, output, clock }) => ({ name: port, from, output, clock })),
    outputs: Object.entries(outputs).map(([name, declared]) => {
      const resolved = plan.outputType(id, name) ?? declared;
      return { name, type: typeof resolved === 'string' ? resolved : show(resolved) };
    }),
  })),
});

const HEAD = 40;
const ROW = 17;
const PAD = 10;
/** Width of a character of the port font, 11 pixels of a monospaced face. */
const CHARACTER = 6.7;
const LANE = 12;
const CLOCKS: Readonly<Record<Clock, string>> = { event: '', latest: '5 4', previous: '1.5 4' };

/** Draws boxes with their ports in layers; held edges are dashed, those that are one wave late are dotted and run back below. */
export function drawSvg({ nodes }: Drawing): string {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const inputY = (node: DrawnNode, name: string) => HEAD + (node.inputs.findIndex((input) => input.name === name) + 0.5) * ROW;
  const outputY = (node: DrawnNode, name: string) => HEAD + (node.inputs.length + node.outputs.findIndex((output) => output.name === name) + 0.5) * ROW;
  const boxes = nodes.map((node) => ({ id: node.id, width: widthOf(node), height: HEAD + (node.inputs.length + node.outputs.length) * ROW + PAD / 2 }));
  const wires = nodes.flatMap((node) => node.inputs.flatMap((input) => {
    const source = byId.get(input.from);
    return source ? [{ from: source.id, to: node.id, out: outputY(source, input.output), in: inputY(node, input.name), clock: input.clock, source, input }] : [];
  }));
  const layout = layOut(boxes, wires);
  const sizes = new Map(boxes.map((box) => [box.id, box]));

  let lanes = 0;
  const paths = wires.map((wire, i) => {
    const start = layout.places.get(wire.from)!;
    const end = layout.places.get(wire.to)!;
    const from: Point = { x: start.x + sizes.get(wire.from)!.width, y: start.y + wire.out };
    const to: Point = { x: end.x, y: end.y + wire.in };
    const route = layout.routes[i]!;
    const line = route === 'back' ? below(from, to, layout.height + LANE * ++lanes, lanes) : curve([from, ...route, to]);
    const type = wire.source.outputs.find(({ name }) => name === wire.input.output)?.type ?? '';
    const title = `${wire.from}.${wire.input.output} → ${wire.to}.${wire.input.name}: ${type}${wire.clock === 'event' ? '' : `, ${wire.clock}`}`;
    const dash = CLOCKS[wire.clock];
    return `<path class="${type.startsWith('@') ? 'wire opaque' : 'wire'}" d="${line}"${dash ? ` stroke-dasharray="${dash}"` : ''}><title>${escapeText(title)}</title></path>`;
  });
  const drawn = nodes.map((node) => {
    const { x, y } = layout.places.get(node.id)!;
    const { width, height } = sizes.get(node.id)!;
    const inputs = node.inputs.map(({ name, clock }) => {
      const at = inputY(node, name);
      const held = clock === 'event' ? '' : ` <tspan class="type">${clock}</tspan>`;
      return `<circle cx="0" cy="${at}" r="3"/><text class="port" x="${PAD}" y="${at + 3.5}">${escapeText(name)}${held}</text>`;
    });
    const outputs = node.outputs.map(({ name, type }) => {
      const at = outputY(node, name);
      return `<circle cx="${point(width)}" cy="${at}" r="3"/>`
        + `<text class="port" x="${point(width - PAD)}" y="${at + 3.5}" text-anchor="end"><tspan class="type">${escapeText(type)}</tspan> ${escapeText(name)}</text>`;
    });
    return `<g transform="translate(${point(x)} ${point(y)})"><rect width="${point(width)}" height="${point(height)}" rx="6"/>`
      + `<text class="name" x="${PAD}" y="17">${escapeText(node.id)}</text><text class="kind" x="${PAD}" y="31">${escapeText(node.type)}</text>${inputs.join('')}${outputs.join('')}</g>`;
  });
  const margin = 16 + LANE * Math.max(1, lanes);
  const width = Math.max(layout.width, 400);
  const bottom = layout.height + LANE * lanes + 30;
  return `<svg xmlns="http://www.w3.org/2000/svg" class="graph" viewBox="${-margin} -12 ${point(width + 2 * margin)} ${point(bottom + 24)}" `
    + `width="${point(width + 2 * margin)}" role="img"><title>The graph: ${nodes.length} nodes</title><style>${STYLE}</style>`
    + `${paths.join('')}${drawn.join('')}${legend(bottom)}</svg>\n`;
}

const STYLE = '.graph{font-family:system-ui,sans-serif;--ink:#1d2530;--soft:#6b7683;--paper:#fff;--edge:#c5ccd4;--wire:#4a78b5;--opaque:#b5772a}'
  + '.graph rect{fill:var(--paper);stroke:var(--edge)}.graph text{fill:var(--ink)}.graph .name{font-size:13px;font-weight:600}.graph .kind{font-size:11px;fill:var(--soft)}'
  + '.graph .port{font:11px ui-monospace,Menlo,Consolas,monospace}.graph .type,.graph .key{fill:var(--soft)}.graph .key{font-size:11px}'
  + '.graph circle{fill:var(--paper);stroke:var(--soft)}.graph .wire{fill:none;stroke:var(--wire);stroke-width:1.5}.graph .opaque{stroke:var(--opaque)}'
  + '@media (prefers-color-scheme:dark){.graph{--ink:#e6eaef;--soft:#98a3b0;--paper:#1f262e;--edge:#46515d;--wire:#7aa7e0;--opaque:#d9a05b}}';

const widthOf = ({ id, type, inputs, outputs }: DrawnNode): number => Math.max(
  id.length * 7.6, type.length * 6.2,
  ...inputs.map(({ name, clock }) => (name.length + (clock === 'event' ? 0 : clock.length + 1)) * CHARACTER),
  ...outputs.map(({ name, type: spelled }) => (name.length + spelled.length + 1) * CHARACTER),
) + 2 * PAD;

/** A smooth line through points: curves between layers, straight across a layer. */
function curve(points: readonly Point[]): string {
  const [first, ...rest] = points;
  let line = `M${point(first!.x)} ${point(first!.y)}`;
  let last = first!;
  for (const next of rest) {
    const middle = point((last.x + next.x) / 2);
    line += next.y === last.y ? `H${point(next.x)}` : `C${middle} ${point(last.y)} ${middle} ${point(next.y)} ${point(next.x)} ${point(next.y)}`;
    last = next;
  }
  return line;
}

/** A line that leaves to the right, runs back on a lane below everything, and comes in from the left. */
function below(from: Point, to: Point, lane: number, n: number): string {
  const reach = LANE + 6 * (n - 1);
  return `M${point(from.x)} ${point(from.y)}h${reach - 6}q6 0 6 6V${point(lane - 6)}q0 6 -6 6H${point(to.x - reach + 6)}q-6 0 -6 -6V${point(to.y + 6)}q0 -6 6 -6H${point(to.x)}`;
}

function legend(y: number): string {
  const keys: readonly (readonly [Clock, string])[] = [['event', 'event'], ['latest', 'held: the latest'], ['previous', 'held: a wave late']];
  return keys.map(([clock, text], i) => `<g transform="translate(${i * 140} ${point(y)})"><path class="wire" d="M0 0h24" stroke-dasharray="${CLOCKS[clock] || 'none'}"/>`
    + `<text class="key" x="30" y="3.5">${text}</text></g>`).join('');
}

/** A Mermaid flow chart; held edges are dotted and say which way they are held. */
export function drawMermaid({ nodes }: Drawing): string {
  const quote = (text: string) => `"${text.replace(/&/g, '#amp;').replace(/"/g, '#quot;').replace(/</g, '#lt;').replace(/>/g, '#gt;')}"`;
  const name = (id: string) => `n_${id.replace(/\W/g, '_')}`;
  const typeOf = (node: string, output: string) => nodes.find(({ id }) => id === node)?.outputs.find((port) => port.name === output)?.type ?? '';
  const edges = nodes.flatMap(({ id, inputs }) => inputs.map(({ from, output, clock }) => {
    const label = `${output} ${typeOf(from, output)}`;
    return clock === 'event' ? `  ${name(from)} -- ${quote(label)} --> ${name(id)}` : `  ${name(from)} -. ${quote(`${label}, ${clock}`)} .-> ${name(id)}`;
  }));
  return ['flowchart LR', ...nodes.map(({ id, type }) => `  ${name(id)}[${quote(`${id}: ${type}`)}]`), ...edges, ''].join('\n');
}

/** A list of nodes with what they read and what they give, in columns. */
export function drawText({ nodes }: Drawing): string {
  const wide = Math.max(0, ...nodes.flatMap(({ inputs, outputs }) => [...inputs, ...outputs].map(({ name }) => name.length)));
  return nodes.map(({ id, type, inputs, outputs }) => [
    `${id}  (${type})`,
    ...inputs.map(({ name, from, output, clock }) => `  ${name.padEnd(wide)}  <- ${from}.${output}${clock === 'event' ? '' : `  (${clock})`}`),
    ...outputs.map((output) => `  ${output.name.padEnd(wide)}  -> ${output.type}`),
    '',
  ].join('\n')).join('\n');
}
