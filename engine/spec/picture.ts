/** @file The values of the opaque ports `@metrics` and `@picture`, which the journal records wherever a node emits them. */
import { elements, tensor, type TensorValue } from './value.js';

/** Numbers by name; the journal writes them as `node.name`. */
export type Metrics = Readonly<Record<string, number>>;

/** Something to look at. Images are f32[N,C,H,W] in [-1,1]; points are pairs x0 y0 x1 y1 … */
export type Picture = ImageGrid | Pages | Scatter | Surface | HeatMap | Bars;
export interface ImageGrid {
  readonly kind: 'images';
  readonly title: string;
  readonly images: TensorValue;
  readonly columns?: number;
  /** So many first columns are set apart from the others: what the others are made of. */
  readonly apart?: number;
  /** What is written beside each row, from the first on, line by line. */
  readonly captions?: readonly string[];
}
/** Image grids that are one picture and too many rows for one page: a file each. */
export interface Pages {
  readonly kind: 'pages';
  readonly title: string;
  readonly pages: readonly ImageGrid[];
}
export interface Scatter {
  readonly kind: 'scatter';
  readonly title: string;
  readonly series: readonly { readonly name: string; readonly points: Float32Array }[];
}
/** Heights over a square of the plane, as filled contours. The mesh of `side` x `side` points goes from edge to edge of it, row by row, from low x and low y. */
export interface Surface {
  readonly kind: 'surface';
  readonly title: string;
  readonly frame: Frame;
  readonly side: number;
  readonly height: Float32Array;
  /** Heights of the contours, ascending; about ten round ones unless given. */
  readonly levels?: readonly number[];
  /** A region to be outlined: where these, at the points of the mesh, are 0 or more. */
  readonly region?: { readonly name: string; readonly values: Float32Array };
  /** Where arrows start and which way they point, as x y dx dy …: the longest are drawn `reach` long, the shorter in proportion but never tiny. */
  readonly arrows?: { readonly values: Float32Array; readonly reach: number };
  readonly series: Scatter['series'];
}
/** Values of rows that have names, over columns that stand for waves, as shades. What is 0 has none. */
export interface HeatMap {
  readonly kind: 'heat';
  readonly title: string;
  readonly rows: readonly string[];
  /** The wave of each column, ascending. */
  readonly waves: readonly number[];
  /** Row by row, 0 or more. */
  readonly values: Float32Array;
  /** Where one shade ends and the next begins, ascending. */
  readonly levels: readonly number[];
  /** A curve above, one value a column; NaN where there is none. */
  readonly line?: { readonly name: string; readonly values: Float32Array };
}
/** Numbers of the same groups by several series, as bars from 0 up, those of a group side by side. A value that is not finite has no bar. */
export interface Bars {
  readonly kind: 'bars';
  readonly title: string;
  /** What the groups are called, from left to right. */
  readonly groups: readonly string[];
  /** One value a group, 0 or more. */
  readonly series: readonly { readonly name: string; readonly values: readonly number[] }[];
}
/** A square: its centre and half its side. */
export interface Frame { readonly x: number; readonly y: number; readonly half: number }

/** Grids of images next to each other as one: the first row of every part, the second of every part, …; each part has its own number of columns. */
export function sideBySide(parts: readonly { readonly images: TensorValue; readonly columns: number }[], rows: number): Pick<ImageGrid, 'images' | 'columns'> {
  const size = parts[0]!.images.dims.slice(1), each = elements(size), columns = parts.reduce((n, part) => n + part.columns, 0);
  const out = new Float32Array(rows * columns * each);
  let left = 0;
  for (const { images, columns: own } of parts) {
    for (let row = 0; row < rows; row++) out.set((images.data as Float32Array).subarray(row * own * each, (row + 1) * own * each), (row * columns + left) * each);
    left += own;
  }
  return { images: tensor('f32', [rows * columns, ...size], out), columns };
}

/** Images f32[n,C,H,W] in the order of what something scored them. */
export interface Ranked { readonly name: string; readonly images: TensorValue; readonly scores: readonly number[] }
/** A row of `count` images for each, with its name, its highest and its lowest score beside it. */
export const rankedGrid = (title: string, rows: readonly Ranked[], count: number): ImageGrid => ({
  kind: 'images', title, ...stacked(rows.map(({ images }) => images), count), captions: rows.map(({ name, scores }) => `${name}\n${scores[0]!.toFixed(3)} to ${scores.at(-1)!.toFixed(3)}`),
});

/** Rows of `columns` images each, one under the other, as one grid. */
function stacked(rows: readonly TensorValue[], columns: number): Pick<ImageGrid, 'images' | 'columns'> {
  const size = rows[0]!.dims.slice(1), each = columns * elements(size), out = new Float32Array(rows.length * each);
  rows.forEach((row, i) => { out.set((row.data as Float32Array).subarray(0, each), i * each); });
  return { images: tensor('f32', [rows.length * columns, ...size], out), columns };
}
