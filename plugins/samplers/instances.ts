/** @file `sampler/instances`: what IC-GAN trains on. Real images that are neighbours of instances, and independent conditions for generated ones (section 5.5 of its facts). */
import { z } from 'zod';
import { defineNode, fetched, inputError, int64, type Dataset, type Features, type Neighbours, type Random, type TensorValue } from '../../engine/index.js';
import { createDraw, type Draw } from './balance.js';

const Config = z.strictObject({
  balance: z.enum(['instance', 'class', 'inverse-frequency', 'temperature']).default('instance')
    .describe('how instances are drawn: uniformly; with equal mass for each class, as IC-GAN\'s paper says; with mass inverse to a class\'s images, as its code does; or tempered'),
  temperature: z.number().positive().default(2).describe('T of "temperature": a class has the mass f^(1/T) of its share f of the images'),
  mirrored: z.boolean().default(false).describe('take the vector of the mirrored image half of the time; the features want "flips"'),
});

/** Everything that a draw depends on, made anew when one of the held inputs changes. */
interface Source { readonly dataset: Dataset; readonly features: Features | undefined; readonly neighbours: Neighbours | undefined; readonly among: unknown; readonly draw: Draw }

export const instances = defineNode({
  name: 'sampler/instances',
  about: 'Real images, each a random neighbour of an instance, with the instance\'s vector and the neighbour\'s label; and conditions drawn independently of them for the generated images of a discriminator and of a generator update.',
  config: Config,
  inputs: {
    index: 'i64[B]', dataset: { latest: '@dataset[L,...S]' }, 'features?': { latest: '@features[M,F]' }, 'neighbours?': { latest: '@neighbours[M,F]' }, 'among?': { latest: 'i64[I]' },
  },
  outputs: {
    image: 'f32[B,...S]', label: 'i64<L>[B]', vector: 'f32[B,F]', index: 'i64[B]',
    fake_label: 'i64<L>[B]', fake_vector: 'f32[B,F]', fool_label: 'i64<L>[B]', fool_vector: 'f32[B,F]',
  },
  check({ mirrored }, { node, wired }) {
    if (mirrored && !wired('features')) throw inputError(`nodes.${node}.config.mirrored`, 'there are no vectors: features is not wired');
  },
  start: ({ balance, temperature, mirrored }) => {
    let known: Source | undefined;
    return {
      state: {},
      async step(state, inputs, { node, random, services }) {
        const dataset = inputs.dataset as Dataset, features = inputs.features as Features | undefined, neighbours = inputs.neighbours as Neighbours | undefined, { among } = inputs;
        if (known?.dataset !== dataset || known.features !== features || known.neighbours !== neighbours || known.among !== among) {
          requireSame(node, dataset, features, neighbours, mirrored);
          const allowed = among && Int32Array.from((await fetched(services, among)).data as BigInt64Array, Number);
          known = { dataset, features, neighbours, among, draw: createDraw(dataset.labels, dataset.classes, allowed, balance, temperature) };
        }
        const { draw } = known, { data } = await fetched(services, inputs.index), count = data.length;
        const under = (prefix: string) => (name: string) => random(`${prefix} ${name}`);
        const near = (chosen: Int32Array, draws: (name: string) => Random) => {
          if (!neighbours) return chosen;
          const { k, index } = neighbours, which = draws('neighbour').integers(count, k);
          return chosen.map((i, n) => index[i * k + which[n]!]!);
        };
        const vectors = async (chosen: Int32Array, draws: (name: string) => Random): Promise<TensorValue | undefined> =>
          features?.read(chosen, mirrored ? Uint8Array.from(draws('mirrored').uniform(count), (u) => Number(u < 0.5)) : undefined);
        const condition = async (prefix: string) => {
          const draws = under(prefix), chosen = draw(count, draws), vector = await vectors(chosen, draws);
          return { [`${prefix}_label`]: int64(near(chosen, draws).map((i) => dataset.labels[i]!)), ...(vector && { [`${prefix}_vector`]: vector }) };
        };
        // All images in their turn, as the loader has them, unless some count more than others.
        const inTurn = balance === 'instance' && !among, draws = under('real');
        const chosen = inTurn ? Int32Array.from(data as BigInt64Array, Number) : draw(count, draws);
        const [real, vector, fake, fool] = await Promise.all([dataset.read(near(chosen, draws), random('augmentation')), vectors(chosen, draws), condition('fake'), condition('fool')]);
        return { state, outputs: { ...real, index: int64(chosen), ...(vector && { vector }), ...fake, ...fool } };
      },
    };
  },
});

function requireSame(node: string, { size }: Dataset, features: Features | undefined, neighbours: Neighbours | undefined, mirrored: boolean): void {
  const where = `nodes.${node}.in`;
  if (features && features.size !== size) throw inputError(`${where}.features`, `they are of ${features.size} images, the data set has ${size}`);
  if (neighbours && neighbours.features.size !== size) throw inputError(`${where}.neighbours`, `they are of ${neighbours.features.size} images, the data set has ${size}`);
  if (mirrored && !features!.flips) throw inputError(`nodes.${node}.config.mirrored`, 'the features have no vectors of mirrored images', { try: '"flips": true in the extractor\'s config' });
}
