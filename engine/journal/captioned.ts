/** @file A grid of images with words beside its rows, as SVG: the images are one PNG inside. */
import type { ImageGrid } from '../spec/picture.js';
import { escapeText, point } from './svg.js';

/** In the picture's own pixels: the width of the grid at least, the height of a line of words, and the gap before it. */
const WIDTH = 400;
const LINE = 13;
const GAP = 10;
/** How wide a character may be in a first line, and in others. */
const CHARACTERS = [7.8, 6.8];

/** Draws `png`, which has the grid with gutters of `gutter` pixels, and the captions of its rows to the right; their first lines stand out. */
export function drawCaptioned({ title, images, captions = [] }: ImageGrid, png: Uint8Array, gutter: number): string {
  const bytes = Buffer.from(png), [width, height] = [bytes.readUInt32BE(16), bytes.readUInt32BE(20)], tall = images.dims[2]!;
  const texts = captions.map((caption) => caption.split('\n')), most = Math.max(1, ...texts.map((lines) => lines.length));
  const scale = Math.max(WIDTH / width, (most * LINE + 4) / (tall + gutter)), [across, down] = [width * scale, height * scale];
  const room = GAP + Math.max(0, ...texts.flatMap((lines) => lines.map((line, i) => CHARACTERS[Math.min(i, 1)]! * line.length)));
  const words = texts.map((lines, row) => {
    const middle = (gutter + row * (tall + gutter) + tall / 2) * scale, first = middle - ((lines.length - 1) * LINE) / 2 + 4;
    return lines.map((line, i) => `<text${i ? '' : ' class="first"'} x="${point(across + GAP)}" y="${point(first + i * LINE)}">${escapeText(line)}</text>`).join('');
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" class="captioned" viewBox="0 0 ${point(across + room)} ${point(down)}" role="img"><title>${escapeText(title)}</title><style>${STYLE}</style>`
    + `<image width="${point(across)}" height="${point(down)}" preserveAspectRatio="none" href="data:image/png;base64,${bytes.toString('base64')}"/>${words.join('')}</svg>\n`;
}

const STYLE = '.captioned image{image-rendering:pixelated}.captioned text{font:11px system-ui,sans-serif;fill:#666}.captioned .first{font-weight:600;fill:#222}'
  + '@media (prefers-color-scheme:dark){.captioned text{fill:#aaa}.captioned .first{fill:#ddd}}';
