/** @file What every drawing here shares: escaping, short numbers, axis ticks at round values, the axes of a square in the plane, and what is drawn in it. */
import type { Frame } from '../spec/picture.js';

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** Text for HTML and SVG, in content and in quoted attributes. Control characters, which XML forbids, are dropped. */
export const escapeText = (text: unknown): string => String(text)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is removed
  .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '')
  .replace(/[&<>"']/g, (character) => ENTITIES[character]!);

/** Colours of series that have none by their name. */
export const OTHERS: readonly string[] = ['#3f9a5f', '#a05fc4', '#d98a1f', '#5c6b7a'];

/** A coordinate: one decimal is a tenth of a pixel. */
export const point = (value: number): string => String(Math.round(value * 10) / 10);

/** A number for people: four significant digits, thousands grouped, no trailing noise. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e7)) return value.toExponential(2).replace(/\.?0+e/, 'e').replace('e+', 'e');
  if (size >= 1000) return value.toLocaleString('en-US', { maximumFractionDigits: size >= 10_000 || Number.isInteger(value) ? 0 : 1 });
  return String(Number(value.toPrecision(4)));
}

/** Round values inside [low, high], about `count` of them: steps of 1, 2 or 5 times a power of ten. */
export function ticks(low: number, high: number, count: number): number[] {
  const rough = (high - low) / Math.max(1, count);
  if (!(rough > 0) || !Number.isFinite(rough)) return [low];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

/** The square that a picture of the plane shows, at `side` pixels a side: where a point falls in it, and its grid with labels. */
export interface Axes {
  readonly across: (x: number) => number;
  readonly down: (y: number) => number;
  /** Path data of the grid and the border around it. */
  readonly grid: string;
  readonly labels: string;
  readonly inside: (x: number, y: number) => boolean;
}
export function axesOf({ x, y, half }: Frame, side: number): Axes {
  const across = (value: number) => ((value - x) / half + 1) * side / 2, down = (value: number) => side - ((value - y) / half + 1) * side / 2;
  const columns = ticks(x - half, x + half, 5), rows = ticks(y - half, y + half, 5);
  return {
    across, down,
    inside: (px, py) => Math.abs(px - x) <= half && Math.abs(py - y) <= half,
    grid: `${columns.map((t) => `M${point(across(t))} 0v${side}`).join('')}${rows.map((t) => `M0 ${point(down(t))}h${side}`).join('')}M0 0h${side}v${side}h${-side}z`,
    labels: columns.map((t) => `<text x="${point(across(t))}" y="${side + 15}" text-anchor="middle">${short(t)}</text>`).join('')
      + rows.map((t) => `<text x="-6" y="${point(down(t) + 3.5)}" text-anchor="end">${short(t)}</text>`).join(''),
  };
}

/** Lets the event loop turn: a picture is drawn in many short pieces. */
export const breathe = (): Promise<void> => new Promise((turn) => { setImmediate(turn); });

/** Path data of points x0 y0 …, those that the axes show; of more than `most` an even part. */
export async function dotsOf(points: Float32Array, most: number, { across, down, inside }: Axes): Promise<string> {
  const count = points.length / 2, drawn = Math.min(count, most), dots: string[] = [];
  for (let k = 0; k < drawn; k++) {
    const n = Math.floor(k * count / drawn), [x, y] = [points[2 * n]!, points[2 * n + 1]!];
    if (inside(x, y)) dots.push(`M${point(across(x))} ${point(down(y))}h0`);
    if (k % 500 === 499) await breathe();
  }
  return dots.join('');
}

/** Entries above a picture, from left to right, each with its colour. */
export function legendOf(entries: readonly { readonly name: string; readonly colour: string }[]): string {
  let offset = 0;
  return entries.map(({ name, colour }) => {
    const entry = `<circle cx="${offset + 4}" cy="-10" r="4" fill="${colour}"/><text x="${offset + 12}" y="-6.5">${escapeText(name)}</text>`;
    offset += 28 + name.length * 6.2;
    return entry;
  }).join('');
}
