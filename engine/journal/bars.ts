/** @file Bars side by side as SVG: the numbers of some groups by several series. */
import type { Bars } from '../spec/picture.js';
import { escapeText, legendOf, OTHERS, point, short, ticks } from './svg.js';

const HEIGHT = 240, LEFT = 44, BAR = 9, GAP = 8, LEAST = 240;
/** Pixels that a letter of a group's name takes. */
const LETTER = 6.5;

/** Draws bars from 0 up, with a name under every group that has room for it. Throws a RangeError where a series has not one value a group, or one below 0. */
export function drawBars({ title, groups, series }: Bars): string {
  for (const { name, values } of series) if (values.length !== groups.length) throw new RangeError(`bars "${title}": ${name} has ${values.length} values; there are ${groups.length} groups`);
  const finite = series.flatMap(({ values }) => values.filter(Number.isFinite)), most = finite.reduce((a, b) => Math.max(a, b), 0);
  if (finite.some((value) => value < 0)) throw new RangeError(`bars "${title}": bars begin at 0, and a value is below it`);
  const pitch = series.length * BAR + GAP, width = Math.max(LEAST, groups.length * pitch), top = most * 1.05 || 1;
  const down = (value: number) => HEIGHT * (1 - value / top), rows = ticks(0, top, 5);
  const every = Math.max(1, Math.ceil(Math.max(0, ...groups.map((name) => name.length)) * LETTER / pitch));
  const names = groups.map((name, i) => (i % every ? '' : `<text x="${point((i + 0.5) * pitch)}" y="${HEIGHT + 15}" text-anchor="middle">${escapeText(name)}</text>`)).join('');
  const layers = series.map(({ name, values }, s) => ({
    name, colour: OTHERS[s % OTHERS.length]!,
    path: values.map((value, i) => (value > 0 && Number.isFinite(value) ? `M${point(i * pitch + GAP / 2 + s * BAR)} ${HEIGHT}V${point(down(value))}h${BAR - 1}V${HEIGHT}z` : '')).join(''),
  }));
  const grid = rows.map((row) => `M0 ${point(down(row))}h${width}`).join(''), scale = rows.map((row) => `<text x="-6" y="${point(down(row) + 3.5)}" text-anchor="end">${short(row)}</text>`).join('');
  return `<svg xmlns="http://www.w3.org/2000/svg" class="bars" viewBox="${-LEFT} -24 ${width + LEFT + 10} ${HEIGHT + 44}" role="img">`
    + `<title>${escapeText(title)}</title><style>${STYLE}</style>`
    + `<path class="grid" d="${grid}"/>${scale}${names}${legendOf(layers)}${layers.map(({ path, colour }) => `<path class="bar" fill="${colour}" d="${path}"/>`).join('')}</svg>\n`;
}

const STYLE = '.bars text{font:11px system-ui,sans-serif;fill:#666}.bars .grid{fill:none;stroke:#8884;stroke-width:1}@media (prefers-color-scheme:dark){.bars text{fill:#aaa}}';
