/** @file MGAN's networks and losses: a first layer for each generator, a classifier beside the score, and which methods take them. */
import { grad } from '../../engine/tensor/grad.js';
import { sum } from '../../engine/tensor/ops/index.js';
import { placesOf, sizeOf } from '../../engine/tensor/scope.js';
import { join } from 'node:path';
import { load } from '../../engine/dataflow/load.js';
import { createEngine } from '../../engine/registry/engine.js';
import { PACKAGE } from '../../engine/registry/paths.js';
import { topological } from '../../engine/tensor/tensor.js';
import { mlpMaxout } from '../../plugins/backbones/mlp-maxout.js';
import { dcganDeep } from '../../plugins/backbones/dcgan.js';
import { resnet2 } from '../../plugins/backbones/resnet2.js';
import { pairFor, traced } from './network-pair.js';

const seed = 43, LABELS = { labels: 3, width: 0 }, OWN = { labels: 'generators' };
const small = { 'mlp-maxout': { generator: 8, discriminator: 6, ...OWN }, 'dcgan-deep': { latent: 5, generator: 2, discriminator: 2, ...OWN }, resnet2: { latent: 5, width: 1, ...OWN } };

test.each([['mlp-maxout', mlpMaxout, [2], 8, 'layer1.linear'], ['dcgan-deep', dcganDeep, [3, 8, 8], 16, 'seed'], ['resnet2', resnet2, [3, 32, 32], 16, 'seed']] as const)(
  `%s: images of a label come by its own first layer and the others' shared ones, and D has one score and three classes (seed ${seed})`, (name, backbone, image, width, first) => {
    const pair = pairFor(backbone, image, LABELS, small[name]), { latent } = pair.networks;
    const { made, judged, values } = traced(pair, seed);
    const leaves = pair.generator.layout.parameters.map(({ path, dims }) => [path, dims] as const);
    expect(leaves).toEqual(expect.arrayContaining([[`${first}.weight`, [width, 3 * latent]], [`${first}.bias.weight`, [3, width]]]));
    expect(leaves.map(([path]) => path)).not.toContain(`${first}.bias`);
    expect(judged.logit.dims).toEqual([2]);
    expect(judged.classes!.dims).toEqual([2, 3]);
    // Labels of the batch are 1 and 0: generator 2 has no part in it.
    const parameters = topological([made]).find(({ op, attrs }) => op.name === 'input' && attrs.name === 'generator/parameters')!.outputs[0]!, all = values(grad(sum(made), [parameters])[0]!);
    for (const { leaf, from } of placesOf(pair.generator.layout.parameters)) {
      const { path } = leaf, part = all.slice(from, from + sizeOf([leaf]));
      if (path === `${first}.bias.weight`) expect(part.slice(2 * width).every((v) => v === 0)).toBe(true);
      if (path === `${first}.weight`) part.forEach((v, i) => { if (i % (3 * latent) >= 2 * latent) expect(v).toBe(0); });
    }
    expect(all.some((v) => v !== 0)).toBe(true);
  });

test('classifying discriminators go to MGAN, and to it alone', async () => {
  const engine = await createEngine(), file = join(PACKAGE, 'graphs/self-conditioned-gan/ring-mgan.json'), graph = await load(file), { train, ...others } = graph.nodes;
  const says = async (changed: object) => (await engine.check({ graph: { ...graph, nodes: { ...others, train: { ...train!, ...changed } } }, file, issues: [] })).issues.map(({ at, says }) => `${at}: ${says}`);
  expect(await says({})).toEqual([]);
  expect(await says({ type: 'train/self-conditioned' })).toEqual(['nodes.train.config.backbone: its discriminator tells labels apart, which train/self-conditioned would not teach it; leave "labels" as it is by default']);
  expect(await says({ config: { ...train!.config as object, backbone: { type: 'mlp-maxout' } } })).toEqual(['nodes.train.config.backbone: train/mgan wants a discriminator that tells labels apart ("labels": "generators"), and labels']);
  await engine.close();
});
