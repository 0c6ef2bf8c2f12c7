/** @file A look at a data set before anyone trains on it: what `gantry data check` shows, and a data plugin can tell. */
import type { Services } from '../dataflow/context.js';

/** Smallest, median and largest. */
export interface Spread { readonly min: number; readonly median: number; readonly max: number }

/** What is wrong with a file. */
export interface Finding { readonly path: string; readonly why: string }

export interface SurveyReport {
  /** Files of the data set, damaged ones among them. */
  readonly photos: number;
  readonly classes: readonly { readonly label: number; readonly name?: string; readonly photos: number }[];
  /** How many there are of each format, and of each peculiarity: grey, CMYK, transparent, … */
  readonly formats: Readonly<Record<string, number>>;
  readonly peculiar: Readonly<Record<string, number>>;
  /** In pixels, upright; absent where no file could be opened. */
  readonly sizes?: { readonly width: Spread; readonly height: Spread; readonly short: Spread };
  /** How many have a short side below the usual resolutions: they would be enlarged. */
  readonly below: readonly { readonly resolution: number; readonly photos: number }[];
  /** Groups of files with equal bytes, and of files that look the same. */
  readonly equal: readonly (readonly string[])[];
  readonly alike: readonly (readonly string[])[];
  readonly damaged: readonly Finding[];
  /** Files that can be read, though something in them is wrong. */
  readonly doubtful: readonly Finding[];
  /** Files that are not of the data set, counted by their endings. */
  readonly others: Readonly<Record<string, number>>;
  /** What a graph makes of it, in sentences; and the node that would read it. */
  readonly advice: readonly string[];
  readonly node: { readonly type: string; readonly config: object };
}

/** A part of kind `survey`. Throws an InputError for a place that holds nothing to look at. */
export interface Survey {
  readonly name: string;
  readonly about: string;
  run(place: { readonly path: string; readonly list?: string }, services: Pick<Services, 'progress'>): Promise<SurveyReport>;
}
