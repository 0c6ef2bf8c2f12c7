/** @file The batches and draws of a published iteration as feeds of ours. D's part is `num_D_steps` updates of `num_D_accumulations` calls each; the generator's one of its own number of calls. */
import { tensor, type TensorValue } from '../../../engine/spec/value.js';
import type { NetworkName } from '../../../engine/training/method.js';
import type { Fixture } from '../fixture.js';
import { drawsOf } from './biggan-published.js';

export type Feeds = Readonly<Record<string, TensorValue>>;
type Part = 'd' | 'g' | 'x';

export interface Batches {
  /** What the first images of D's part are generated from: z and the condition (`label`, `vector`). */
  readonly first: { readonly z: TensorValue; readonly condition: Feeds };
  /** Batch ports and draws of a network's update by itself. */
  update(network: NetworkName, index: number): Feeds;
  /** Of all updates in one program, whose generator uses the first rows. */
  together(): Feeds;
}

export function batchesOf({ manifest: { config }, arrays }: Fixture): Batches {
  const { batch_size: size, num_D_steps: steps, num_D_accumulations: slicesD, num_G_accumulations: slicesG } = config as Readonly<Record<string, number>>;
  const image = arrays.get('in/x')!.dims.slice(1), callsD = steps! * slicesD!;
  /** `count` rows of an input from row `from`, beginning again after the last; nothing where the fixture has no such input. */
  const rows = (key: string, from: number, count: number): TensorValue | undefined => {
    const found = arrays.get(key);
    if (!found) return undefined;
    const [all, ...rest] = found.dims as [number, ...number[]], width = found.data.length / all;
    const values = Array.from({ length: count * width }, (_, i) => Number(found.data[((from + Math.floor(i / width)) % all) * width + (i % width)]));
    return found.data instanceof Int32Array ? tensor('i64', [count], BigInt64Array.from(values, BigInt)) : tensor('f32', [count, ...rest], Float32Array.from(values));
  };
  const present = (feeds: Readonly<Record<string, TensorValue | undefined>>): Feeds => Object.fromEntries(Object.entries(feeds).filter(([, value]) => value)) as Feeds;
  const condition = (part: Part, prefix: string, from: number, count: number): Feeds =>
    present({ [`${prefix}label`]: rows(`in/y_${part}`, from, count), [`${prefix}vector`]: rows(`in/h_${part}`, from, count) });

  let used = 0;
  const calls = config.DA && config.DiffAugment
    ? Array.from({ length: callsD + slicesG! }, () => drawsOf(config.DiffAugment, image[1]!, () => arrays.get(`rng/diffaugment_${used++}`)!.data as Float32Array)) : [];
  /** Draws of several calls one after the other: `take` picks a call's own, `count` says how many there must be. */
  const draws = (from: number, to: number, suffix: string, take: (values: readonly number[]) => readonly number[], count = (to - from) * size!): Feeds =>
    Object.fromEntries(Object.keys(calls[from] ?? {}).map((name) => {
      const values = calls.slice(from, to).flatMap((call) => take(call[name]!));
      return [`${name} ${suffix}`, tensor('f32', [count], Float32Array.from({ length: count }, (_, i) => values[i % values.length]!))];
    }));
  const discriminator = (from: number, to: number): Feeds => {
    const at = from * size!, count = (to - from) * size!;
    return {
      image: rows('in/x', at, count)!, ...condition('x', '', at, count), ...condition('d', 'fake_', at, count), z: rows('in/z_d', at, count)!,
      // The published D sees generated images first, then real ones.
      ...draws(from, to, 'fake', (values) => values.slice(0, size)), ...draws(from, to, 'real', (values) => values.slice(size)),
    };
  };
  const generator = (count: number): Feeds =>
    ({ ...condition('g', 'fool_', 0, count), 'z fool': rows('in/z_g', 0, count)!, ...draws(callsD, callsD + slicesG!, 'fool', (values) => values, count) });
  return {
    first: { z: rows('in/z_d', 0, size!)!, condition: condition('d', '', 0, size!) },
    update(network, index) {
      if (network === 'discriminator') return discriminator(index * slicesD!, (index + 1) * slicesD!);
      const count = slicesG! * size!;
      return { image: tensor('f32', [count, ...image], new Float32Array(count * image.reduce((a, b) => a * b, 1))), ...generator(count) };
    },
    together: () => ({ ...discriminator(0, callsD), ...generator(callsD * size!) }),
  };
}
