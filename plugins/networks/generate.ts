/** @file `networks/generate`: images of a trained generator under given labels. */
import { z } from 'zod';
import { defineNode, drawLatents, elements, fetched, generate, inputError, rows, tensor, type TensorValue, type Weights } from '../../engine/index.js';

export const generateImages = defineNode({
  name: 'networks/generate',
  about: 'Images that the (averaged) generator makes for labels, vectors, or both, one each; and the latents that it made them of.',
  config: z.strictObject({
    batch: z.int().positive().default(500).describe('images in one call; bounds the memory'),
    averaged: z.boolean().default(true).describe('use the averaged generator where training averages'),
    latent: z.int().positive().optional().describe('width of the latents, where what reads them must know it beforehand: that of the networks'),
  }),
  inputs: { 'label?': 'i64<K>[N]', 'vector?': 'f32[N,E]', weights: { latest: '@weights[...S]' } },
  outputs: { image: 'f32[N,...S]', z: 'f32[N,Z]' },
  dims: ({ latent }): Readonly<Record<string, number>> => (latent === undefined ? {} : { Z: latent }),
  check(_settings, { node, wired }) {
    if (!wired('label') && !wired('vector')) throw inputError(`nodes.${node}.in`, 'neither label nor vector is wired: one of them says how many images to make', { try: 'label/constant for an unconditional generator' });
  },
  start: ({ batch, averaged, latent: stated }, { node }) => ({
    state: {},
    async step(state, inputs, { services, random, signal }) {
      const weights = inputs.weights as Weights;
      const [label, vector] = await Promise.all([inputs.label, inputs.vector].map((value) => value && fetched(services, value)));
      const part = (from: number, to: number) => ({ label: label && rows(label, from, to), vector: vector && rows(vector, from, to) });
      const count = (label ?? vector)!.dims[0]!, { image: size, latent } = weights.networks;
      if (stated !== undefined && stated !== latent) throw inputError(`nodes.${node}.config.latent`, `the latents of these networks are ${latent} wide; it says ${stated}`);
      const draws = random('z');
      const images = new Float32Array(count * elements(size)), latents = new Float32Array(count * latent);
      for (let from = 0; from < count; from += batch) {
        signal.throwIfAborted();
        const to = Math.min(count, from + batch);
        const z = drawLatents(weights.networks, draws, to - from), made = (await generate(services, weights, z, part(from, to), averaged)) as TensorValue;
        images.set(made.data as Float32Array, from * elements(size));
        latents.set(z.data as Float32Array, from * latent);
      }
      return { state, outputs: { image: tensor('f32', [count, ...size], images), z: tensor('f32', [count, latent], latents) } };
    },
  }),
});
