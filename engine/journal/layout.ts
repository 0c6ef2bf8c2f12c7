/**
 * @file Places boxes in layers from left to right, so that wires run forward and seldom cross.
 * The steps are those of Sugiyama, Tagawa and Toda (1981): layers by longest path, order by barycentres, then heights.
 */

export interface Box { readonly id: string; readonly width: number; readonly height: number }
/** A wire between two boxes; `out` and `in` are the heights of its ends within their boxes. A wire to the same or an earlier box runs back. */
export interface Wire { readonly from: string; readonly to: string; readonly out: number; readonly in: number }
export interface Point { readonly x: number; readonly y: number }
/** Left upper corners of the boxes by id, and for each wire the points it passes between its ends (none if it runs back). */
export interface Layout {
  readonly places: ReadonlyMap<string, Point>;
  readonly routes: readonly (readonly Point[] | 'back')[];
  readonly width: number;
  readonly height: number;
}

/** A box, or a bend: the place where a wire crosses a layer that it doesn't end in. */
interface Slot { readonly width: number; readonly height: number; layer: number; y: number }
interface Link { readonly from: Slot; readonly to: Slot; readonly out: number; readonly in: number }

const GAP_X = 52;
const GAP_Y = 22;
const BEND = 12;
const SWEEPS = 8;

/** Boxes come in an order in which most wires run forward (a plan's order). */
export function layOut(boxes: readonly Box[], wires: readonly Wire[]): Layout {
  const slots = new Map<string, Slot>(boxes.map(({ id, width, height }) => [id, { width, height, layer: 0, y: 0 }]));
  const position = new Map(boxes.map(({ id }, i) => [id, i]));
  const runsBack = ({ from, to }: Wire) => position.get(from)! >= position.get(to)!;
  assignLayers(boxes, wires.filter((wire) => !runsBack(wire)), slots);

  const layers: Slot[][] = Array.from({ length: 1 + Math.max(0, ...[...slots.values()].map(({ layer }) => layer)) }, () => []);
  const add = (slot: Slot) => { layers[slot.layer]!.push(slot); };
  for (const slot of slots.values()) add(slot);
  const links: Link[] = [];
  const bends = wires.map((wire) => {
    if (runsBack(wire)) return 'back' as const;
    const end = slots.get(wire.to)!;
    let from = slots.get(wire.from)!;
    let out = wire.out;
    const passed: Slot[] = [];
    for (let layer = from.layer + 1; layer < end.layer; layer++) {
      const bend: Slot = { width: 0, height: BEND, layer, y: 0 };
      add(bend);
      passed.push(bend);
      links.push({ from, to: bend, out, in: BEND / 2 });
      from = bend;
      out = BEND / 2;
    }
    links.push({ from, to: end, out, in: wire.in });
    return passed;
  });

  for (const layer of layers) stack(layer);
  for (let sweep = 0; sweep < SWEEPS; sweep++) settle(layers, links, sweep % 2 === 0, sweep < SWEEPS / 2);
  const top = layers.flat().reduce((least, { y }) => Math.min(least, y), slots.size ? Number.POSITIVE_INFINITY : 0);

  const lefts: number[] = [];
  let x = 0;
  for (const layer of layers) {
    lefts.push(x);
    x += Math.max(0, ...layer.map(({ width }) => width)) + GAP_X;
  }
  const widths = layers.map((layer) => Math.max(0, ...layer.map(({ width }) => width)));
  return {
    places: new Map([...slots].map(([id, { layer, y }]) => [id, { x: lefts[layer]!, y: y - top }])),
    routes: bends.map((passed) => (passed === 'back' ? passed : passed.flatMap(({ layer, y }) => {
      const height = y - top + BEND / 2;
      return [{ x: lefts[layer]!, y: height }, { x: lefts[layer]! + widths[layer]!, y: height }];
    }))),
    width: Math.max(0, x - GAP_X),
    height: Math.max(0, ...layers.flat().map(({ y, height }) => y + height)) - top,
  };
}

/** Each box one layer after the last that feeds it; boxes that nothing feeds move next to their first reader. */
function assignLayers(boxes: readonly Box[], forward: readonly Wire[], slots: ReadonlyMap<string, Slot>): void {
  const layerOf = (id: string) => slots.get(id)!.layer;
  for (const { id } of boxes) slots.get(id)!.layer = Math.max(0, ...forward.filter(({ to }) => to === id).map(({ from }) => layerOf(from) + 1));
  for (const { id } of boxes) {
    const readers = forward.filter(({ from }) => from === id).map(({ to }) => layerOf(to));
    if (readers.length && !forward.some(({ to }) => to === id)) slots.get(id)!.layer = Math.min(...readers) - 1;
  }
}

/** Puts a layer's slots below each other in their order, where they stand if there is room. */
function stack(layer: readonly Slot[]): void {
  let bottom = Number.NEGATIVE_INFINITY;
  for (const slot of layer) {
    slot.y = Math.max(slot.y, bottom === Number.NEGATIVE_INFINITY ? slot.y : bottom + GAP_Y);
    bottom = slot.y + slot.height;
  }
}

/** Moves every slot towards the middle of its neighbours in the layer before (or after), keeping distances; `reorder` lets slots pass each other. */
function settle(layers: readonly Slot[][], links: readonly Link[], forward: boolean, reorder: boolean): void {
  for (const layer of forward ? layers : [...layers].reverse()) {
    const wanted = new Map(layer.map((slot) => {
      const pulls = links.flatMap(({ from, to, out, in: into }) =>
        (forward && to === slot ? [from.y + out - into] : !forward && from === slot ? [to.y + into - out] : []));
      return [slot, pulls.length ? pulls.reduce((a, b) => a + b, 0) / pulls.length : slot.y];
    }));
    if (reorder) layer.sort((a, b) => wanted.get(a)! + a.height / 2 - wanted.get(b)! - b.height / 2);
    for (const slot of layer) slot.y = wanted.get(slot)!;
    stack(layer);
    // Pushing only downwards would drift: the layer as a whole goes back to where its slots wanted to be.
    const drift = layer.reduce((sum, slot) => sum + slot.y - wanted.get(slot)!, 0) / layer.length;
    for (const slot of layer) slot.y -= drift;
  }
}
