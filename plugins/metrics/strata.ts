/** @file Classes grouped by how many training images they have, as long-tailed data is judged (Liu et al. 2019; Casanova et al. 2021, section 4.3). */
import { fetched, inputError, rowsAt, type Dataset, type Services, type Tensorial, type TensorValue } from '../../engine/index.js';

export const STRATA = ['many', 'medium', 'few'] as const;
export type Stratum = (typeof STRATA)[number];

/** Where the borders lie: in the paper many is above 100 and few below 20 images, in its code from 100 and up to 20. */
export const BORDERS = {
  paper: (count: number): Stratum => (count > 100 ? 'many' : count < 20 ? 'few' : 'medium'),
  code: (count: number): Stratum => (count >= 100 ? 'many' : count <= 20 ? 'few' : 'medium'),
} as const;
export type Borders = keyof typeof BORDERS;

/** The stratum of each class. */
export function strataOf({ labels, classes }: Pick<Dataset, 'labels' | 'classes'>, borders: Borders): readonly Stratum[] {
  const counts = new Int32Array(classes);
  for (const label of labels) counts[label]! += 1;
  return Array.from(counts, BORDERS[borders]);
}

/** Ports of a node that judges strata, too. */
export const strataPorts = { 'fake_label?': 'i64<L>[N]', 'real_label?': 'i64<L>[M]', 'dataset?': { latest: '@dataset[L,...S]' } } as const;

interface StrataInputs { readonly fake: Tensorial; readonly real: Tensorial; readonly fake_label?: Tensorial; readonly real_label?: Tensorial; readonly dataset?: unknown }
/** Features of one stratum; undefined for all of them. */
export interface Sides { readonly stratum?: Stratum; readonly real: TensorValue; readonly fake: TensorValue }

/** All features and, if `borders` are given, those of every stratum that has some on both sides. */
export async function sidesOf(services: Services, inputs: StrataInputs, borders: Borders | undefined): Promise<readonly Sides[]> {
  const [real, fake] = await Promise.all([fetched(services, inputs.real), fetched(services, inputs.fake)]), all: Sides = { real, fake };
  if (!borders) return [all];
  const strata = strataOf(inputs.dataset as Dataset, borders);
  const [realLabel, fakeLabel] = await Promise.all([fetched(services, inputs.real_label!), fetched(services, inputs.fake_label!)]);
  const parts = STRATA.map((stratum): Sides => {
    const within = (feature: TensorValue, label: TensorValue) => rowsAt(feature, Array.from(label.data as BigInt64Array, Number).flatMap((c, i) => (strata[c] === stratum ? [i] : [])));
    return { stratum, real: within(real, realLabel), fake: within(fake, fakeLabel) };
  });
  return [all, ...parts.filter(({ real: one, fake: other }) => one.dims[0]! > 0 && other.dims[0]! > 0)];
}

/** Throws where strata are wanted and something that they need is not wired. */
export function checkStrata(borders: Borders | undefined, node: string, wired: (port: string) => boolean): void {
  const missing = ['fake_label', 'real_label', 'dataset'].filter((port) => !wired(port));
  if (borders && missing.length) throw inputError(`nodes.${node}.in`, `strata want labels of both sides and the data set that classes are counted in; ${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} not wired`);
}
