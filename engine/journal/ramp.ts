/** @file Colours of a quantity in steps, and the scale that says what they stand for. */
import { point, short } from './svg.js';

/** From the lowest band to the highest. */
const RAMP = ['#46659a', '#5f86b0', '#7fa9c1', '#a5c8cd', '#cbe0d9', '#e6eee2', '#fbfaf1'];
/** Width of a scale. */
const SCALE = 12;

/** The colour at `t` from 0 to 1. */
function colourAt(t: number): string {
  const place = t * (RAMP.length - 1), i = Math.min(RAMP.length - 2, Math.floor(place)), part = place - i;
  const channel = (colour: string, k: number) => Number.parseInt(colour.slice(1 + 2 * k, 3 + 2 * k), 16);
  return `#${[0, 1, 2].map((k) => Math.round(channel(RAMP[i]!, k) * (1 - part) + channel(RAMP[i + 1]!, k) * part).toString(16).padStart(2, '0')).join('')}`;
}

/** One colour below the first level, one between any two, one above the last. */
export const coloursOf = (levels: readonly number[]): readonly string[] => Array.from({ length: levels.length + 1 }, (_, i) => colourAt(levels.length ? i / levels.length : 1));

/** The bands' colours from (left, tall) upwards, `tall` in all, each boundary with its level. */
export function scaleOf(levels: readonly number[], colours: readonly string[], left: number, tall: number): string {
  const step = tall / colours.length;
  return colours.map((colour, i) => `<rect x="${left}" y="${point(tall - (i + 1) * step)}" width="${SCALE}" height="${point(step)}" fill="${colour}"/>`).join('')
    + levels.map((level, i) => `<text x="${left + SCALE + 5}" y="${point(tall - (i + 1) * step + 3.5)}">${short(level)}</text>`).join('');
}
