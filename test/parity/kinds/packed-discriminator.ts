/** @file A discriminator that gives several images one score (PacGAN): scores, features, and the gradient of the loss on real images. */
import type { TensorValue } from '../../../engine/spec/value.js';
import { grad } from '../../../engine/tensor/grad.js';
import { program } from '../../../engine/tensor/program.js';
import { logistic } from '../../../engine/training/loss.js';
import { bindNetwork, networkPair, stateShapes } from '../../../engine/training/networks.js';
import { scalarTolerance, tolerances } from '../comparison.js';
import type { Kind } from '../fixture.js';
import { publishedOf } from './gan-published.js';
import { checking, compareLeaves, flatOf } from './partitioner-parts.js';

/** What the reference calls the features, by our setting. */
const FEATURES = { flat: 'D/features_penultimate', summed: 'D/features_summed' } as const;

export const packedDiscriminator: Kind = {
  name: 'packed-discriminator',
  matches: (fixture) => publishedOf(fixture) !== undefined && fixture.manifest.config.pack_size > 1,
  async check(fixture, host) {
    const { manifest } = fixture, published = publishedOf(fixture)!, backbone = published.backbone(manifest), compare = checking(fixture), image = compare.given('in/x_real');
    const { output, gradient } = tolerances(fixture), keyOf = (prefix: string) => ({ path }: { readonly path: string }) => `${prefix}/${published.name('discriminator', path)}`;
    for (const feature of ['flat', 'summed'] as const) {
      const config = backbone.config.parse({ ...(published.config(manifest) as object), feature });
      const { discriminator } = networkPair({ backbone: backbone.name, config, image: image.dims.slice(1), latent: backbone.latent(config, image.dims.slice(1)), condition: { labels: 0, width: 0 } }, backbone);
      const parameters = flatOf(discriminator.layout.parameters, (leaf) => compare.given(keyOf('D/init')(leaf)).data as Float32Array);
      const executable = await host.compile(program('packed', stateShapes('discriminator', discriminator.layout), { image: { dtype: 'f32', dims: image.dims } }, (state, feeds) => {
        const bound = bindNetwork('discriminator', discriminator.layout, state), judged = discriminator.apply(bound.scope(true), feeds.image, {}), loss = logistic.real(judged.logit);
        return { outputs: { ...judged, loss, gradient: grad(loss, [bound.parameters])[0]! } };
      }));
      const outputs = (await executable.run({ 'discriminator/parameters': await host.put(parameters) }, { image })).outputs as Readonly<Record<string, TensorValue>>;
      await executable.release();
      compare.array('D/out', 'D/out', outputs.logit!.data as Float32Array, output);
      compare.array(FEATURES[feature], FEATURES[feature], outputs.feature!.data as Float32Array, output);
      compare.scalar('loss on real images', manifest.scalars.loss_real, Number(outputs.loss!.data[0]), scalarTolerance(manifest.scalars.loss_real));
      compareLeaves(compare, 'D/grad', discriminator.layout, 'parameters', outputs.gradient!, keyOf('D/grad'), gradient);
    }
    return compare.finished(/^$/, '');
  },
};
