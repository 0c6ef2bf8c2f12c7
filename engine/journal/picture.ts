/** @file Pictures as files: image grids as PNG, those with captions, scatter plots, surfaces, heat maps and bars as SVG. Compression runs beside the event loop. */
import { promisify } from 'node:util';
import { crc32, deflate } from 'node:zlib';
import type { Frame, ImageGrid, Pages, Picture, Scatter } from '../spec/picture.js';
import { drawBars } from './bars.js';
import { drawCaptioned } from './captioned.js';
import { drawHeat } from './heat.js';
import { drawSurface } from './surface.js';
import { axesOf, breathe, dotsOf, escapeText, legendOf, OTHERS, short } from './svg.js';

/** A picture's bytes and the ending of its file name. */
export async function encodePicture(picture: Exclude<Picture, Pages>): Promise<{ readonly ending: 'png' | 'svg'; readonly bytes: Uint8Array }> {
  if (picture.kind !== 'images') return { ending: 'svg', bytes: Buffer.from(await drawn(picture)) };
  const bytes = await encodeGrid(picture);
  return picture.captions ? { ending: 'svg', bytes: Buffer.from(drawCaptioned(picture, bytes, GUTTER)) } : { ending: 'png', bytes };
}

function drawn(picture: Exclude<Picture, Pages | ImageGrid>): string | Promise<string> {
  switch (picture.kind) {
    case 'scatter': return drawScatter(picture);
    case 'surface': return drawSurface(picture);
    case 'heat': return drawHeat(picture);
    case 'bars': return drawBars(picture);
  }
}

const GUTTER = 2;
const GUTTER_SHADE = 40;
/** Gutters between columns that are set apart and the others. */
const APART = 4;

/**
 * Lays images f32[N,C,H,W] in [-1,1] (C is 1 or 3) out in rows with gutters of some pixels and encodes them as PNG, -1 black and 1 white;
 * values outside are clipped. Near square unless `columns` says otherwise; the first `apart` columns stand apart. Throws a RangeError for other sizes.
 */
export async function encodeGrid({ title, images, columns, apart = 0 }: ImageGrid, gutter = GUTTER): Promise<Uint8Array> {
  const [count = 0, channels = 0, height = 0, width = 0] = images.dims;
  if (!(images.data instanceof Float32Array) || images.dims.length !== 4 || (channels !== 1 && channels !== 3) || !count) {
    throw new RangeError(`picture "${title}" is ${images.dtype}[${images.dims}]; wanted is f32[N,1,H,W] or f32[N,3,H,W] with an image at least`);
  }
  const across = Math.max(1, Math.min(count, columns ?? Math.ceil(Math.sqrt(count))));
  const down = Math.ceil(count / across);
  const gap = apart > 0 && apart < across ? APART * gutter : 0;
  const totalWidth = across * (width + gutter) + gutter + gap;
  const totalHeight = down * (height + gutter) + gutter;
  // Each row of a PNG starts with a byte that names its filter; 0 is none.
  const stride = 1 + totalWidth * channels;
  const rows = new Uint8ClampedArray(totalHeight * stride).fill(GUTTER_SHADE);
  for (let y = 0; y < totalHeight; y++) rows[y * stride] = 0;
  for (let n = 0; n < count; n++) {
    const top = Math.floor(n / across) * (height + gutter) + gutter;
    const left = (n % across) * (width + gutter) + gutter + (n % across < apart ? 0 : gap);
    for (let c = 0; c < channels; c++) {
      const plane = images.data.subarray((n * channels + c) * height * width, (n * channels + c + 1) * height * width);
      spreadPlane(plane, width, rows, top * stride + 1 + left * channels + c, stride, channels);
    }
    await breathe();
  }
  return encodePng(totalWidth, totalHeight, channels, rows, title);
}

/** Copies one channel of an image, [-1,1] to 0..255, to every `step`-th byte of rows that are `stride` bytes apart. */
function spreadPlane(plane: Float32Array, width: number, rows: Uint8ClampedArray, start: number, stride: number, step: number): void {
  for (let i = 0; i < plane.length; i++) rows[start + Math.floor(i / width) * stride + (i % width) * step] = (plane[i]! + 1) * 127.5;
}

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const compress = promisify<Uint8ClampedArray, { level: number }, Buffer>(deflate);

/** PNG with 8 bits a channel (W3C PNG, third edition, section 5): the title is kept in an international text chunk. */
async function encodePng(width: number, height: number, channels: 1 | 3, rows: Uint8ClampedArray, title: string): Promise<Uint8Array> {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, channels === 1 ? 0 : 2], 8);
  const data = await compress(rows, { level: 6 });
  return Buffer.concat([SIGNATURE, chunk('IHDR', header), chunk('iTXt', Buffer.from(`${TITLE}${title}`)), chunk('IDAT', data), chunk('IEND', Buffer.alloc(0))]);
}
const TITLE = 'Title\0\0\0\0\0';

function chunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type), data]);
  const bytes = Buffer.alloc(body.length + 8);
  bytes.writeUInt32BE(data.length, 0);
  bytes.set(body, 4);
  bytes.writeUInt32BE(crc32(body), body.length + 4);
  return bytes;
}

/** The title that `encodePicture` put into a file. */
export function titleOf(file: string, bytes: Buffer): string {
  if (file.endsWith('.svg')) return /<title>(.*?)<\/title>/.exec(bytes.subarray(0, 4096).toString())?.[1] ?? '';
  const start = SIGNATURE.length + 12 + 13;
  const isText = bytes.length > start + 8 && bytes.toString('latin1', start + 4, start + 8) === 'iTXt';
  return isText ? escapeText(bytes.toString('utf8', start + 8 + TITLE.length, start + 8 + bytes.readUInt32BE(start))) : '';
}

const SIDE = 420;
const MARGIN = 34;
const MOST_POINTS = 5000;
const COLOURS: Readonly<Record<string, string>> = { real: '#d6453d', fake: '#2f6fd6' };

/**
 * Draws points in the plane at equal scale on both axes: real red, fake blue. The view is that of the real points where there are any,
 * and the legend counts what lies outside it; of more than 5000 points of a series an even part is drawn.
 */
export async function drawScatter({ title, series }: Scatter): Promise<string> {
  const real = series.filter(({ name }) => name === 'real');
  const axes = axesOf(frameOf(real.length ? real : series), SIDE), { grid, labels, inside } = axes;
  const layers: { readonly name: string; readonly colour: string; readonly path: string }[] = [];
  for (const [i, { name, points }] of series.entries()) {
    let outside = 0;
    for (let n = 0; n < points.length; n += 2) if (!inside(points[n]!, points[n + 1]!)) outside++;
    const colour = COLOURS[name] ?? OTHERS[i % OTHERS.length]!;
    layers.push({ name: outside ? `${name} (${short(outside)} outside)` : name, colour, path: await dotsOf(points, MOST_POINTS, axes) });
    await breathe();
  }
  const points = layers.map(({ colour, path }) => `<path d="${path}" stroke="${colour}"/>`).join('');
  return `<svg xmlns="http://www.w3.org/2000/svg" class="scatter" viewBox="${-MARGIN} -24 ${SIDE + MARGIN + 10} ${SIDE + 44}" role="img">`
    + `<title>${escapeText(title)}</title><style>${SCATTER_STYLE}</style>`
    + `<path class="grid" d="${grid}"/>${labels}${legendOf(layers)}<g class="points">${points}</g></svg>\n`;
}

const SCATTER_STYLE = '.scatter text{font:11px system-ui,sans-serif;fill:#666}.scatter .grid{fill:none;stroke:#8884;stroke-width:1}'
  + '.scatter .points path{fill:none;stroke-width:2.4;stroke-linecap:round;stroke-opacity:.45}@media (prefers-color-scheme:dark){.scatter text{fill:#aaa}}';

/** The square around all finite points, a tenth wider. */
function frameOf(series: Scatter['series']): Frame {
  const low = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  const high = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const { points } of series) {
    for (let i = 0; i < points.length; i++) {
      const value = points[i]!;
      if (!Number.isFinite(value)) continue;
      low[i % 2] = Math.min(low[i % 2]!, value);
      high[i % 2] = Math.max(high[i % 2]!, value);
    }
  }
  const half = Math.max(high[0]! - low[0]!, high[1]! - low[1]!) / 2;
  if (!Number.isFinite(half)) return { x: 0, y: 0, half: 1 };
  return { x: (low[0]! + high[0]!) / 2, y: (low[1]! + high[1]!) / 2, half: half * 1.1 || 1 };
}
