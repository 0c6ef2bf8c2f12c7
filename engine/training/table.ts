/** @file A table of a paper that `gantry reproduce` reruns: graphs by cell, and the paper's numbers to print beside ours. */

export interface Estimate {
  readonly mean: number;
  /** Standard error of the mean over trials. */
  readonly se?: number;
  /** Standard deviation, where that is what is printed. */
  readonly sd?: number;
}

export interface TableMetric {
  /** As in the table: `high quality, %`. */
  readonly name: string;
  /** The run's metric, `node.name`, whose last value counts: `evaluate.high_quality`. Without it the column is the paper's alone: what it was measured with is not at hand. */
  readonly from?: string;
  /** Factor from the run's metric to the table's unit: 100 for a share printed in per cent. */
  readonly scale?: number;
  /** Digits after the point. */
  readonly digits?: number;
}

/** One line of the table: a method on a data set. */
export interface TableRow {
  /** The method: `Self-Conditioned GAN`. */
  readonly row: string;
  /** The data set: `grid`. */
  readonly data: string;
  /** Graph file, relative to the package's root, or absolute. Without one the row can't be run. */
  readonly graph?: string;
  /** Why the row is not run; its cells are printed all the same. */
  readonly why?: string;
  /** Changes to the graph, as `--set` makes them: `{ 'train.config.latent': 2 }`. */
  readonly set?: Readonly<Record<string, unknown>>;
  /** The paper's values by metric name. */
  readonly paper: Readonly<Record<string, Estimate>>;
}

export interface Table {
  /** `self-cond-table1`. */
  readonly name: string;
  /** One sentence. */
  readonly about: string;
  /** Paper and table number. */
  readonly source: string;
  /** Trials a row unless `--trials` says otherwise; seeds are 1, 2, … */
  readonly trials: number;
  readonly metrics: readonly TableMetric[];
  readonly rows: readonly TableRow[];
}
