/** @file What generated images are judged by, outside of graphs: a part of kind `metric`. Images come in batches, so that any number of them is judged in bounded memory. */
import type { Services } from '../dataflow/context.js';
import type { Random } from '../session/keyed-random.js';
import type { Metrics } from '../spec/picture.js';
import type { TensorValue } from '../spec/value.js';
import type { Features, Neighbours } from './values.js';

/** Some of the images that are judged. */
export interface Judged {
  /** f32[n,F], by the extractor that made the real ones. */
  readonly feature: TensorValue;
  /** Class probabilities f32[n,K], where a metric reads them. */
  readonly score?: TensorValue;
  /** The images themselves, where a generator has just made them. */
  readonly image?: TensorValue;
  /** The class of each image, where it has one. */
  readonly label?: Int32Array;
  /** The instance that each image was made for, where there is one: its index in `instances`. */
  readonly index?: Int32Array;
}

/** What the judged images are compared with, and how. */
export interface Judging {
  readonly services: Services;
  /** Of the real images. */
  readonly real: Features;
  /** Images that will be judged in every set. */
  readonly count: number;
  /** The classes by their training images: judge those with many, medium and few apart, too, with the borders of the paper or of its code. */
  readonly strata?: { readonly borders: 'paper' | 'code'; readonly training: { readonly labels: Int32Array; readonly classes: number } } | undefined;
  /** The data set of the instances: its vectors by the judging extractor, and each one's neighbours as the generator was trained with. */
  readonly instances?: { readonly features: Features; readonly neighbours: Pick<Neighbours, 'k' | 'index'> } | undefined;
  random(name: string): Random;
  readonly signal?: AbortSignal | undefined;
}

/** One set of images, judged as they come. */
export interface JudgedSet { add(batch: Judged): Promise<void>; finish(): Promise<Metrics> }

/** A metric that has read the real images once, for any number of sets. */
export interface OpenMetric {
  begin(): JudgedSet;
  close(): void;
}

export interface Metric {
  /** `frechet`, as `--metrics` calls it. */
  readonly name: string;
  readonly about: string;
  /** What it needs besides features. */
  readonly needs?: 'score' | 'instances';
  open(judging: Judging): Promise<OpenMetric>;
}
