/** @file The values of the opaque ports `@metrics` and `@picture`, which the journal records wherever a node emits them. */
import type { TensorValue } from './value.js';

/** Numbers by name; the journal writes them as `node.name`. */
export type Metrics = Readonly<Record<string, number>>;

/** Something to look at. Images are f32[N,C,H,W] in [-1,1]; points are pairs x0 y0 x1 y1 … */
export type Picture = ImageGrid | Scatter;
export interface ImageGrid {
  readonly kind: 'images';
  readonly title: string;
  readonly images: TensorValue;
  readonly columns?: number;
  /** So many first columns are set apart from the others: what the others are made of. */
  readonly apart?: number;
}
export interface Scatter {
  readonly kind: 'scatter';
  readonly title: string;
  readonly series: readonly { readonly name: string; readonly points: Float32Array }[];
}
