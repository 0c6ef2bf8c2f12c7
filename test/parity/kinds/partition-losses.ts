/** @file The losses of PGMGAN on logits and features: the partition's with any weights, the contrastive one, the guide with its acceptance and annealing, hinge. */
import { tensor, type TensorValue } from '../../../engine/spec/value.js';
import { grad } from '../../../engine/tensor/grad.js';
import { add, mean, reshape, slice } from '../../../engine/tensor/ops/index.js';
import { program } from '../../../engine/tensor/program.js';
import type { Tensor } from '../../../engine/tensor/tensor.js';
import { hinge } from '../../../engine/training/loss.js';
import { accepted, annealed, contrastive, entropyOfMean, guide, meanEntropy, partitionTerms, type PartitionWeights } from '../../../plugins/pgmgan/losses.js';
import { comparison, scalarTolerance, tolerances } from '../comparison.js';
import type { Fixture, Kind } from '../fixture.js';

type Traced = Readonly<Record<string, Tensor>>;
/** An objective as the fixture names it, in its scalars and in its tensors, and its weights. */
interface Objective { readonly scalars: string; readonly tensors: string; readonly weights: PartitionWeights }

/** Objectives of a fixture: `scan_w5` and `paper_sample0.001_mean5`. */
const objectives = ({ manifest }: Fixture): Objective[] => Object.keys(manifest.scalars).flatMap((scalars) => {
  const [, scan] = /^scan_w(.+)$/.exec(scalars) ?? [], [, sample, mean] = /^paper_sample(.+)_mean(.+)$/.exec(scalars) ?? [];
  if (scan) return [{ scalars, tensors: `scan/w${scan}`, weights: { balance: Number(scan), sample: 0 } }];
  return sample ? [{ scalars, tensors: `paper/sample${sample}_mean${mean}`, weights: { balance: Number(mean), sample: Number(sample) } }] : [];
});

export const partitionLosses: Kind = {
  name: 'partition-losses',
  matches: ({ arrays }) => ['scan/anchor_logits', 'simclr/features', 'guide/logits'].every((key) => arrays.has(key)),
  async check(fixture, host) {
    const { manifest: { scalars, config }, arrays } = fixture, compare = comparison(fixture), { output, gradient } = tolerances(fixture);
    const floats = (key: string): TensorValue => tensor('f32', arrays.get(key)!.dims, Float32Array.from(arrays.get(key)!.data as Float32Array));
    const run = async (feeds: Readonly<Record<string, TensorValue>>, body: (inputs: Traced) => Traced) => {
      const shapes = Object.fromEntries(Object.entries(feeds).map(([name, { dtype, dims }]) => [name, { dtype, dims }]));
      const executable = await host.compile(program('losses', {}, shapes, (_, inputs: Traced) => ({ outputs: body(inputs) })));
      try { return (await executable.run({}, feeds)).outputs as Readonly<Record<string, TensorValue>>; } finally { await executable.release(); }
    };
    const number = (value: TensorValue) => Number(value.data[0]);
    const scalar = (group: string, expected: number, ours: number) => compare.scalar(group, expected, ours, scalarTolerance(expected));

    const cases = objectives(fixture);
    const partition = await run({ anchor: floats('scan/anchor_logits'), neighbour: floats('scan/neighbour_logits') }, ({ anchor, neighbour }) => ({
      entropy_of_mean: entropyOfMean(anchor!), mean_sample_entropy: meanEntropy(anchor!),
      ...Object.fromEntries(cases.flatMap(({ tensors, weights }) => {
        const terms = partitionTerms(anchor!, neighbour!, weights), total = Object.values(terms).reduce((a, b) => add(a, b));
        const [dAnchor, dNeighbour] = grad(total, [anchor!, neighbour!]);
        return [[`${tensors} total`, total], [`${tensors} consistency`, terms.consistency], [`${tensors}/d_anchor`, dAnchor!], [`${tensors}/d_neighbour`, dNeighbour!]];
      })),
    }));
    for (const { scalars: name, tensors } of cases) {
      for (const part of ['total', 'consistency']) scalar(`${tensors}: values`, scalars[name][part], number(partition[`${tensors} ${part}`]!));
      for (const part of ['entropy_of_mean', 'mean_sample_entropy']) if (part in scalars[name]) scalar(`${tensors}: values`, scalars[name][part], number(partition[part]!));
      for (const side of ['d_anchor', 'd_neighbour']) compare.array(`${tensors}: gradients`, `${tensors}/${side}`, partition[`${tensors}/${side}`]!.data as Float32Array, gradient);
    }

    const temperature = config.temperature as number;
    const views = await run({ features: floats('simclr/features') }, ({ features }) => {
      const [count, , width] = features!.dims as readonly number[], view = (i: number) => reshape(slice(features!, 1, i, i + 1), [count!, width!]);
      const loss = contrastive(view(0), view(1), temperature);
      return { loss, slope: grad(loss, [features!])[0]! };
    });
    scalar('simclr: value', scalars[`simclr_T${temperature}`], number(views.loss!));
    compare.array('simclr: gradient', 'simclr/d_features', views.slope!.data as Float32Array, gradient);

    const { data, dims } = arrays.get('guide/y')!;
    const label = tensor('i64', dims, BigInt64Array.from(data as Int32Array, BigInt));
    const guided = await run({ logit: floats('guide/logits'), label }, ({ logit, label }) => {
      const R = guide(logit!, label!, 'mean'), loss = mean(R), score = slice(logit!, 1, 0, 1);
      return {
        code: R, sum: guide(logit!, label!, 'sum'), loss, slope: grad(loss, [logit!])[0]!, accept: accepted(logit!, label!),
        ...Object.fromEntries((['real', 'fake', 'fool'] as const).map((role) => [role, hinge[role](score)])),
      };
    });
    compare.array('guide: R', 'guide/R_code', guided.code!.data as Float32Array, output);
    compare.array('guide: R', 'guide/R_paper_sum', guided.sum!.data as Float32Array, output);
    scalar('guide: loss', scalars.guide_reg_loss, number(guided.loss!));
    compare.array('guide: gradient', 'guide/d_reg_d_logits', guided.slope!.data as Float32Array, gradient);
    compare.exact('guide: accepted', arrays.get('guide/accept')!.data, Array.from(guided.accept!.data, Number));
    for (const [name, role] of [['hinge_real', 'real'], ['hinge_fake', 'fake'], ['hinge_gen', 'fool']] as const) scalar('hinge', scalars[name], number(guided[role]!));

    const { init, slope_per_G_step: slope, min, D_iterations: iterations, weight } = scalars.annealing;
    // A generator step every fourth discriminator step, as the fixture's words have it.
    const at = annealed(init, slope, min, 4);
    for (const [i, iteration] of (iterations as number[]).entries()) compare.scalar('annealing', weight[i], at(iteration), 1e-9);
    return compare.groups();
  },
};
