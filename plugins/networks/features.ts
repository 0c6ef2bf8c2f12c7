/** @file `networks/features`: the discriminator's features of every batch. */
import { z } from 'zod';
import { defineNode, discriminatorProgram, executableOf, type Executable, type Services, type Weights } from '../../engine/index.js';

/** The program from `image` f32[N,…] to `feature` f32[N,F] of these networks. */
export const featuresOf = (services: Services, { networks }: Weights): Promise<Executable> =>
  executableOf(services, networks, 'features', (pair) => discriminatorProgram('features', pair, {}, (judge) => ({ feature: judge().feature })));

export const features = defineNode({
  name: 'networks/features',
  about: 'Features of each image in the live discriminator, as it was after the last wave.',
  config: z.strictObject({}),
  inputs: { image: 'f32[N,...S]', weights: { previous: '@weights[...S]' } },
  outputs: { feature: 'f32[N,F]', weights: '@weights[...S]' },
  start: () => ({
    state: {},
    async step(state, { image, weights }, { services }) {
      const { state: tensors } = weights as Weights;
      const { outputs } = await (await featuresOf(services, weights as Weights)).run(tensors, { image }, { keep: ['feature'] });
      return { state, outputs: { feature: outputs.feature!, weights } };
    },
  }),
});
