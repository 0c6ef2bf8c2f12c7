/** @file Values of named rows over waves as shades, with a scale beside them and a curve above, as SVG. */
import type { HeatMap } from '../spec/picture.js';
import { coloursOf, scaleOf } from './ramp.js';
import { breathe, escapeText, point, short, ticks } from './svg.js';

const WIDTH = 420;
/** Height of all rows and of one, at most; of one that can have a name of its own; of the curve. */
const TALL = 420;
const ROW = 14;
const NAMED = 11;
const CURVE = 56;
const MARGIN = 44;
/** Room on the right for the scale, and below for the waves. */
const ROOM = 62;
const BELOW = 22;
/** Waves that are written. */
const LABELS = 7;

/** Draws a heat map: the larger a value the darker. Throws a RangeError for sizes that disagree. */
export async function drawHeat({ title, rows, waves, values, levels, line }: HeatMap): Promise<string> {
  if (!rows.length || !waves.length || values.length !== rows.length * waves.length || (line && line.values.length !== waves.length)) {
    throw new RangeError(`picture "${title}" has ${values.length} values${line ? ` and a curve of ${line.values.length}` : ''}; wanted are ${rows.length} x ${waves.length}, and at least 1 x 1`);
  }
  const wide = WIDTH / waves.length, tall = Math.min(ROW, TALL / rows.length), down = tall * rows.length, colours = coloursOf(levels).toReversed();
  // One path a shade; neighbours of a row that share it are one rectangle.
  const paths = colours.map((): string[] => []), shadeAt = (i: number) => (values[i]! > 0 ? levels.filter((level) => values[i]! >= level).length : -1);
  for (let row = 0; row < rows.length; row++) {
    for (let from = 0, to = 0; from < waves.length; from = to) {
      const shade = shadeAt(row * waves.length + from);
      do to++; while (to < waves.length && shadeAt(row * waves.length + to) === shade);
      const width = fine((to - from) * wide);
      if (shade >= 0) paths[shade]!.push(`M${fine(from * wide)} ${fine(row * tall)}h${width}v${fine(tall)}h-${width}z`);
    }
    await breathe();
  }
  const names = rows.flatMap((name, row) => (row % Math.ceil(NAMED / tall) ? [] : [`<text x="-6" y="${point((row + 0.5) * tall + 3.5)}" text-anchor="end">${escapeText(name)}</text>`]));
  const below = waves.flatMap((wave, i) => (i % Math.ceil(waves.length / LABELS) ? [] : [`<text x="${point((i + 0.5) * wide)}" y="${point(down + 15)}" text-anchor="middle">${short(wave)}</text>`]));
  const top = line ? CURVE + 34 : 10, curve = line ? `<g transform="translate(0 ${-CURVE - 14})">${curveOf(line, wide)}</g>` : '';
  return `<svg xmlns="http://www.w3.org/2000/svg" class="heat" viewBox="${-MARGIN} ${-top} ${WIDTH + MARGIN + ROOM} ${point(down + top + BELOW)}" role="img"><title>${escapeText(title)}</title><style>${STYLE}</style>`
    + `${curve}${paths.map((path, i) => (path.length ? `<path fill="${colours[i]}" d="${path.join('')}"/>` : '')).join('')}<path class="grid" d="M0 0h${WIDTH}v${point(down)}h-${WIDTH}z"/>`
    + `${names.join('')}${below.join('')}${scaleOf(levels, colours, WIDTH + 14, down)}</svg>\n`;
}

/** Two decimals: rows may be less than a pixel tall. */
const fine = (value: number): string => String(Math.round(value * 100) / 100);

/** From 0 to its greatest value, over the columns' middles. */
function curveOf({ name, values }: NonNullable<HeatMap['line']>, wide: number): string {
  const most = values.filter(Number.isFinite).reduce((a, b) => Math.max(a, b), 0) || 1, at = (value: number) => point(CURVE - (value / most) * CURVE);
  const points = Array.from(values, (value, i) => ({ value, x: point((i + 0.5) * wide) })).filter(({ value }) => Number.isFinite(value)), rows = ticks(0, most, 2);
  return `<path class="grid" d="${rows.map((value) => `M0 ${at(value)}h${WIDTH}`).join('')}"/>${rows.map((value) => `<text x="-6" y="${Number(at(value)) + 3.5}" text-anchor="end">${short(value)}</text>`).join('')}`
    + `<text x="0" y="-8">${escapeText(name)}</text>${points.length ? `<path class="line" d="M${points.map(({ x, value }) => `${x} ${at(value)}`).join('L')}"/>` : ''}`
    + points.map(({ x, value }) => `<circle cx="${x}" cy="${at(value)}" r="2"/>`).join('');
}

const STYLE = '.heat text{font:11px system-ui,sans-serif;fill:#666}.heat .grid{fill:none;stroke:#8884;stroke-width:1}.heat .line{fill:none;stroke:#d6453d;stroke-width:1.5;stroke-linejoin:round}.heat circle{fill:#d6453d}'
  + '@media (prefers-color-scheme:dark){.heat text{fill:#aaa}}';
