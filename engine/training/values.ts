/** @file The opaque values that GAN graphs pass along: data sets, network weights, cluster tables. */
import type { Random } from '../session/keyed-random.js';
import type { State } from '../session/host.js';
import type { TensorShape } from '../spec/tensor-type.js';
import type { TensorValue, Transient } from '../spec/value.js';
import type { Conditions } from './backbone.js';
import type { PartitionerNetwork } from './encoder.js';

/** `@dataset[L,...S]`: random access to labelled images (or points). Transient: its loader opens it again on resume. */
export interface Dataset extends Transient {
  readonly name: string;
  /** Stands for the content, to the last pixel: what was computed from equal data is found again by it. */
  readonly key: string;
  readonly size: number;
  /** One image without the batch: dims [C,R,R] or [2], f32, images in [-1,1]. */
  readonly image: TensorShape;
  /** Number of classes; labels lie in 0..classes-1. */
  readonly classes: number;
  /** The label of every image. */
  readonly labels: Int32Array;
  /** What the classes are called, where that is known: one name a label. */
  readonly classNames?: readonly string[];
  /** What an image is called, where it has a name: its file, for messages and contact sheets. */
  nameOf?(index: number): string;
  /** The images at these indices, with `image` f32[N,...S] and `label` i64[N]. Augmentation, if any, draws from `random`; without it images are as they are. */
  read(indices: Int32Array, random?: Random): Promise<LabelledImages> | LabelledImages;
  /** New draws from the distribution behind the data, where it is known (toy mixtures). Without it, a fresh sample is a random subset. */
  fresh?(count: number, random: Random): LabelledImages;
  /** Positions and scale of the true modes, for toy mixtures: means as [K,2] and the variance per axis. */
  readonly mixture?: { readonly means: Float32Array; readonly variance: number };
}
export interface LabelledImages { readonly image: TensorValue; readonly label: TensorValue }

/**
 * `@features[M,F]`: one vector an image of a data set, in the data set's order. Transient: it lies in a file that its extractor opens again on resume.
 * Vectors are as they are used: divided by their L2 norm if `normalised`.
 */
export interface Features extends Transient {
  /** Stands for the values: the data's key, the model and how images were prepared for it. */
  readonly key: string;
  readonly size: number;
  readonly width: number;
  readonly normalised: boolean;
  /** The labels of the images, and how many classes there are. */
  readonly labels: Int32Array;
  readonly classes: number;
  /** Whether mirrored images have vectors of their own. */
  readonly flips: boolean;
  /** Rows at these indices, f32[n,F], from memory or from the file they lie in; `mirrored[i]` takes that of the mirrored image. Consecutive indices are read at once. */
  read(indices: Int32Array, mirrored?: Uint8Array): Promise<TensorValue> | TensorValue;
}

/** `@neighbours[M,F]`: for every vector of a set its nearest others, nearest first and never itself. Transient: computed again, or read from a file, on resume. */
export interface Neighbours extends Transient {
  /** The vectors that they are neighbours among. */
  readonly features: Features;
  readonly k: number;
  /** Indices [M,k], by distance and then by index. */
  readonly index: Int32Array;
  /** Euclidean distances [M,k]. */
  readonly distance: Float32Array;
}

/** What a backbone was built with: enough to trace any of its programs again. Plain data, kept in checkpoints and exported files. */
export interface Networks {
  readonly backbone: string;
  readonly config: unknown;
  /** Sizes of one image. */
  readonly image: readonly number[];
  readonly condition: Conditions;
  /** Latent width. */
  readonly latent: number;
}

/** `@weights`: one immutable version of the weights of a pair of networks; the averaged generator is among them when training averages. */
export interface Weights { readonly networks: Networks; readonly state: State; readonly averaged: boolean }

/** `@clusters`: how an image gets its cluster, by the nearest centre among frozen features, and what is known of the clusters. */
export interface Clusters {
  /** The frozen networks whose discriminator gives features. */
  readonly weights: Weights;
  /** Centres f32[K,F]. */
  readonly centres: TensorValue;
  /** Label of the i-th centre, i64[K]: the matching keeps labels stable over reclusterings. */
  readonly mapping: TensorValue;
  /** Size of each label's cluster in the clustering sample, i64[K]. */
  readonly counts: TensorValue;
}

/** `@partitioner[K,...S]`: one immutable version of an encoder with a linear head for K parts (or, as `@encoder[...S]`, with the head of its pretext). */
export interface Partitioner { readonly network: PartitionerNetwork; readonly state: State }
