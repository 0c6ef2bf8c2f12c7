/** @file A surface over the plane as SVG: filled contours with a scale beside them, the outline of a region, arrows, points. */
import type { Surface } from '../spec/picture.js';
import { contour, simplified } from './contour.js';
import { coloursOf, scaleOf } from './ramp.js';
import { axesOf, breathe, dotsOf, escapeText, legendOf, point, ticks } from './svg.js';

const SIDE = 420;
const MARGIN = 34;
/** Room on the right for the scale. */
const ROOM = 62;
const LEVELS = 10;
const MOST_POINTS = 2000;
/** Points of a contour closer to a line than this are left out, in pixels. */
const TOLERANCE = 0.15;
const OUTLINE = '#e0a100';
const SERIES = ['#d6453d', '#4a5563', '#3f9a5f', '#a05fc4'];
/** The shortest arrow, as a share of the longest. */
const SHORTEST = 0.35;

/** Draws a surface. Heights between two levels have one colour; where all are alike, there is one band. */
export async function drawSurface({ title, frame, side, height, region, arrows, series, levels = levelsOf(height) }: Surface): Promise<string> {
  if (side < 2 || [height, region?.values].some((values) => values && values.length !== side * side)) {
    throw new RangeError(`picture "${title}" has ${height.length} heights${region ? ` and ${region.values.length} values of a region` : ''}; wanted are ${side} x ${side}, and at least 2 x 2`);
  }
  const axes = axesOf(frame, SIDE), { across, down, grid, labels } = axes;
  const outline = (values: Float32Array, level: number) => contour(values, side, level)
    .map((loop) => simplified(loop.map((v, i) => (i % 2 ? SIDE - v / (side - 1) * SIDE : v / (side - 1) * SIDE)), TOLERANCE))
    .map((loop) => `M${Array.from({ length: loop.length / 2 }, (_, i) => `${point(loop[2 * i]!)} ${point(loop[2 * i + 1]!)}`).join('L')}z`).join('');

  const colours = coloursOf(levels);
  const bands: string[] = [];
  for (const [i, level] of levels.entries()) {
    bands.push(`<path fill="${colours[i + 1]}" d="${outline(height, level)}"/>`);
    await breathe();
  }
  const edge = region ? `<path class="region" d="${outline(region.values, 0)}"/>` : '';
  const layers: { readonly name: string; readonly colour: string; readonly path: string }[] = [];
  for (const [i, { name, points }] of series.entries()) layers.push({ name, colour: SERIES[i % SERIES.length]!, path: await dotsOf(points, MOST_POINTS, axes) });
  // The first series is what the picture is about: it lies on top.
  const points = layers.toReversed().map(({ colour, path }) => `<path d="${path}" stroke="${colour}"/>`).join('');
  return `<svg xmlns="http://www.w3.org/2000/svg" class="surface" viewBox="${-MARGIN} -24 ${SIDE + MARGIN + ROOM} ${SIDE + 44}" role="img">`
    + `<title>${escapeText(title)}</title><style>${STYLE}</style><rect width="${SIDE}" height="${SIDE}" fill="${colours[0]}"/><g class="bands">${bands.join('')}</g>`
    + `<path class="grid" d="${grid}"/>${labels}${edge}${arrows ? `<path class="arrows" d="${drawArrows(arrows, frame.half)}"/>` : ''}<g class="points">${points}</g>`
    + `${legendOf([...(region ? [{ name: region.name, colour: OUTLINE }] : []), ...layers])}${scaleOf(levels, colours, SIDE + 14, SIDE)}</svg>\n`;

  function drawArrows({ values, reach }: NonNullable<Surface['arrows']>, half: number): string {
    const count = values.length / 4, lengthOf = (i: number) => Math.hypot(values[4 * i + 2]!, values[4 * i + 3]!);
    let longest = 0;
    for (let i = 0; i < count; i++) longest = Math.max(longest, lengthOf(i));
    return Array.from({ length: count }, (_, i) => {
      const length = lengthOf(i), [x, y, dx, dy] = values.subarray(4 * i, 4 * i + 4) as unknown as readonly [number, number, number, number];
      if (!(length > longest * 1e-6)) return '';
      const pixels = (SHORTEST + (1 - SHORTEST) * length / longest) * reach * SIDE / (2 * half), [u, v] = [dx / length, -dy / length];
      const [x0, y0] = [across(x) - u * pixels / 2, down(y) - v * pixels / 2], [x1, y1] = [x0 + u * pixels, y0 + v * pixels], head = Math.min(4.5, pixels / 2);
      if ([x0, y0, x1, y1].some((v) => v < 0 || v > SIDE)) return '';
      const barb = (turn: number) => `${point(x1 - head * (u + turn * v * 0.55))} ${point(y1 - head * (v - turn * u * 0.55))}`;
      return `M${point(x0)} ${point(y0)}L${point(x1)} ${point(y1)}M${barb(1)}L${point(x1)} ${point(y1)}L${barb(-1)}`;
    }).join('');
  }
}

/** Round heights strictly between the lowest and the highest. */
function levelsOf(height: Float32Array): number[] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of height) if (Number.isFinite(value)) [low, high] = [Math.min(low, value), Math.max(high, value)];
  return low < high ? ticks(low, high, LEVELS).filter((level) => level > low && level < high) : [];
}

const STYLE = '.surface text{font:11px system-ui,sans-serif;fill:#666}.surface .grid{fill:none;stroke:#8883;stroke-width:1}'
  + '.surface .bands path{fill-rule:evenodd;stroke:#fff;stroke-opacity:.5;stroke-width:.6}'
  + `.surface .region{fill:${OUTLINE}22;stroke:${OUTLINE};stroke-width:2;stroke-linejoin:round}`
  + '.surface .arrows{fill:none;stroke:#10203a;stroke-opacity:.8;stroke-width:1.1;stroke-linecap:round;stroke-linejoin:round}'
  + '.surface .points path{fill:none;stroke-width:2.4;stroke-linecap:round;stroke-opacity:.6}.surface .points path:last-child{stroke-opacity:.85}@media (prefers-color-scheme:dark){.surface text{fill:#aaa}}';
