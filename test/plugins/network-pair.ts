/** @file A pair of networks with first values and a batch of two, to look at without a session. */
import { keyedRandom } from '../../engine/session/keyed-random.js';
import { elements } from '../../engine/spec/value.js';
import { evaluate, type Feed } from '../../engine/tensor/evaluate.js';
import { input } from '../../engine/tensor/ops/index.js';
import { initialise } from '../../engine/tensor/scope.js';
import { whole } from '../../engine/tensor/slices.js';
import type { Tensor } from '../../engine/tensor/tensor.js';
import type { Backbone, Conditions, Given } from '../../engine/training/backbone.js';
import { bindNetwork, networkPair, type NetworkPair } from '../../engine/training/networks.js';

export function pairFor(backbone: Backbone, image: readonly number[], condition: Conditions, settings: object = {}): NetworkPair {
  const config = backbone.config.parse({ type: backbone.name, ...settings });
  return networkPair({ backbone: backbone.name, config, image, latent: backbone.latent(config, image), condition }, backbone);
}

/** First values of both networks, a batch of two, and their symbols. In evaluation, unless `training`. */
export function traced(pair: NetworkPair, seed: number, training = false) {
  const random = (name: string) => keyedRandom(seed, 'test', 0, name);
  const { labels, width } = pair.networks.condition, feeds: Record<string, Feed> = {};
  const state = Object.fromEntries((['generator', 'discriminator'] as const).flatMap((name) => (['parameters', 'buffers'] as const).map((kind) => {
    const values = whole(initialise(pair[name].layout[kind], (leaf) => random(`${name} ${leaf}`))), key = `${name}/${kind}`;
    feeds[key] = { dims: [values.length], data: values };
    return [key, input(key, { dtype: 'f32', dims: [values.length] })];
  })));
  const feed = (name: string, dims: number[], data: ArrayLike<number>, dtype: 'f32' | 'i64' = 'f32') => { feeds[name] = { dims, data: data as Feed['data'] }; return input(name, { dtype, dims }); };
  const z = feed('z', [2, pair.networks.latent], random('z').normal(2 * pair.networks.latent));
  const image = feed('image', [2, ...pair.networks.image], random('image').uniform(2 * elements(pair.networks.image)));
  const condition: Given = { ...(labels ? { label: feed('label', [2], [1, 0], 'i64') } : {}), ...(width ? { vector: feed('vector', [2, width], random('vector').normal(2 * width)) } : {}) };
  const scope = (name: 'generator' | 'discriminator') => bindNetwork(name, pair[name].layout, state).scope(training);
  return {
    feeds, made: pair.generator.apply(scope('generator'), z, condition), judged: pair.discriminator.apply(scope('discriminator'), image, condition),
    values: (t: Tensor, more: Record<string, Feed> = {}) => Array.from(evaluate([t], { ...feeds, ...more })[0]!.data),
  };
}
