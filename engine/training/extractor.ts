/** @file What turns images into vectors: a part of kind `extractor`, so that nodes, evaluation and sampling reach the same one. And what is known of model files beforehand. */
import type { ZodType } from 'zod';
import type { Services } from '../dataflow/context.js';
import type { TensorValue } from '../spec/value.js';
import type { Resampler } from '../tensor/ops/index.js';
import type { Dataset, Features } from './values.js';

/** Vectors f32[N,F] of images and, where they were asked for, the probabilities of classes f32[N,K]. */
export interface Extracted { readonly feature: TensorValue; readonly score?: TensorValue }

/** An open extractor. */
export interface Extractor {
  /** Stands for all that a vector depends on besides the image: model, output, preparation. */
  readonly key: string;
  /** The model's name, or its path. */
  readonly name: string;
  /** F. */
  readonly width: number;
  /** K, where scores were asked for. */
  readonly classes?: number;
  /**
   * Images f32[N,C,R,R] in [-1,1], of any number and size, batch by batch. Throws an InputError (exit code 2) that names model and image when a number is no number or infinite;
   * `called` gives an image's name from its index.
   */
  extract(image: TensorValue, options?: { readonly mirrored?: boolean; readonly signal?: AbortSignal; readonly called?: (index: number) => string }): Promise<Extracted>;
  close(): Promise<void>;
}

/** A part of kind `extractor`: `services.component<ExtractorType>('extractor', 'onnx')`. The features of a node type `extractor/<name>` are those of the part `<name>`. */
export interface ExtractorType<C = unknown> {
  readonly name: string;
  readonly about: string;
  /** Of vectors of images, in memory. */
  readonly config: ZodType<C>;
  /** Opens it. Throws an InputError for a model that isn't what the configuration says. */
  open(services: Services, config: C): Promise<Extractor>;
  /**
   * The vectors of a whole data set: from the store where they are there, else extracted into it. `where` begins remarks and progress; `flips` says whether
   * mirrored images have some, too, whatever the configuration says.
   */
  features(services: Services, config: C, dataset: Dataset, options?: { readonly where?: string; readonly flips?: boolean; readonly signal?: AbortSignal }): Promise<Features>;
}

/** How images in [-1,1] are made what a model was trained on: their value range, then (value - mean) / deviation for each channel, red first. */
export interface ImageFormat {
  readonly range?: readonly [number, number];
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
  readonly channels?: 'rgb' | 'bgr' | 'grey';
  readonly layout?: 'NCHW' | 'NHWC';
  readonly resize?: Resampler;
}

/** A part of kind `model`: what models/manifest.json says of a model. Its file is found by `services.resolve(name)`. */
export interface KnownModel {
  readonly about: string;
  readonly images?: ImageFormat;
  /** The output with features. */
  readonly features?: string;
  /** The output with class scores, and what they are. */
  readonly scores?: { readonly output: string; readonly are: 'logits' | 'probabilities' };
}
