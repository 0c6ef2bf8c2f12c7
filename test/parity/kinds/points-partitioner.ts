/** @file Partitioners of points, linear and a ReLU perceptron: the guide and its gradient, and Adagrad's steps on cross-entropy against given labels. */
import { tensor, type TensorValue } from '../../../engine/spec/value.js';
import { grad } from '../../../engine/tensor/grad.js';
import { sum } from '../../../engine/tensor/ops/index.js';
import { program } from '../../../engine/tensor/program.js';
import { bind, sizeOf, type Leaf } from '../../../engine/tensor/scope.js';
import { partitionerFunction, type Encoder } from '../../../engine/training/encoder.js';
import { adagrad } from '../../../plugins/optimisers/adagrad.js';
import { pointsLinear, pointsMlp } from '../../../plugins/partitioners/points.js';
import { scalarTolerance, tolerances, type Tolerance } from '../comparison.js';
import type { Fixture, Kind } from '../fixture.js';
import { checking, compareLeaves, crossEntropy, flatOf, guideOf, runOnce } from './partitioner-parts.js';

/** The published networks by their names: Sequential layers, of which every second has weights. */
interface Published { readonly name: string; readonly encoder: Encoder; config(fixture: Fixture): object }
const widthOf = ({ arrays }: Fixture, layer: number) => arrays.get(`relu_mlp/init/fp.${layer}.bias`)!.dims[0]!;
const PUBLISHED: readonly Published[] = [
  { name: 'lipschitz_linear', encoder: pointsLinear, config: () => ({}) },
  { name: 'relu_mlp', encoder: pointsMlp, config: (fixture) => ({ widths: [widthOf(fixture, 0), widthOf(fixture, 2)] }) },
];

export const pointsPartitioner: Kind = {
  name: 'points-partitioner',
  matches: ({ arrays }) => PUBLISHED.every(({ name }) => arrays.has(`${name}/init/logits`)),
  async check(fixture, host) {
    const { config, scalars } = fixture.manifest, compare = checking(fixture), { output, gradient } = tolerances(fixture);
    const after30: Tolerance = (key) => {
      const { max_abs: largest = 0, f32_run_max_abs_diff: float32 = 0 } = fixture.manifest.tensors.find((entry) => entry.key === key) ?? {};
      return Math.max(1e-3 * largest, 10 * float32);
    };
    const [, lr] = /lr (\S+)/.exec(config.optimizer)!, settings = adagrad.config.parse({ type: 'adagrad', lr: Number(lr) });
    const feeds = { points: compare.given('in/X'), label: compare.given('in/y') }, query = { points: compare.given('in/x_query'), label: compare.given('in/y_query') };
    const f32 = (...dims: readonly number[]) => ({ dtype: 'f32' as const, dims }), shapesOf = ({ points, label }: typeof feeds) => ({ points: f32(...points.dims), label: { dtype: 'i64' as const, dims: label.dims } });

    for (const { name, encoder, config: configOf } of PUBLISHED) {
      const network = { encoder: encoder.name, config: encoder.config.parse({ type: encoder.name, ...configOf(fixture) }), image: [2], parts: config.k as number, head: 'linear' as const };
      const { layout, apply } = partitionerFunction(network, encoder), size = sizeOf(layout.parameters), depth = layout.parameters.length / 2;
      const theirs = ({ path }: Leaf) => `fp.${2 * (path.startsWith('head') ? depth - 1 : Number(/layer(\d+)/.exec(path)![1]) - 1)}.${path.split('.').at(-1)}`;
      const looked = program('look', { parameters: f32(size) }, shapesOf(query), ({ parameters }, { points, label }) => {
        const { logit } = apply(bind('S', layout, parameters, undefined).scope(false), points), guide = guideOf(logit, label);
        return { outputs: { logits: logit, R_code: guide, dR_dx: grad(sum(guide), [points])[0]! } };
      });
      const trained = program('train', { parameters: f32(size), sum: f32(size) }, { ...shapesOf(feeds), rate: f32() }, (state, { points, label, rate }) => {
        const { logit } = apply(bind('S', layout, state.parameters, undefined).scope(true), points), loss = crossEntropy(logit, label), [slope] = grad(loss, [state.parameters]);
        const { parameters, moments } = adagrad.update(settings, state.parameters, slope!, { sum: state.sum }, [rate]);
        return { next: { parameters, sum: moments.sum! }, outputs: { loss, slope: slope! } };
      });
      let parameters = flatOf(layout.parameters, (leaf) => compare.given(`${name}/init/${theirs(leaf)}`).data as Float32Array);
      const look = async (when: string, out: Tolerance, slope: Tolerance) => {
        const seen = await runOnce(host, looked, { parameters }, query);
        for (const [key, tolerance] of [['logits', out], ['R_code', out], ['dR_dx', slope]] as const) compare.array(`${name}/${when}`, `${name}/${when}/${key}`, seen[key]!.data as Float32Array, tolerance);
        const guides = seen.R_code!.data as Float32Array, expected = scalars[`${name}_${when}_reg`];
        compare.scalar(`${name}/${when}: mean guide`, expected, guides.reduce((a, b) => a + b) / guides.length, when === 'init' ? scalarTolerance(expected) : Math.max(1e-3 * expected, scalarTolerance(expected)));
      };
      await look('init', output, gradient);

      const executable = await host.compile(trained), losses: number[] = scalars[`${name}_ce_losses`];
      let state = { parameters: await host.put(parameters), sum: await host.put(tensor('f32', [size], new Float32Array(size))) };
      for (const [step, expected] of losses.entries()) {
        const [rate] = adagrad.scalars(settings, step + 1, settings.lr), after = await executable.run(state, { ...feeds, rate: tensor('f32', [], Float32Array.of(rate!)) });
        state = after.state as typeof state;
        parameters = await host.get(state.parameters);
        compare.scalar(`${name}: losses of ${losses.length} steps`, expected, Number((after.outputs.loss as TensorValue).data[0]), scalarTolerance(expected));
        if (step === 0) compareLeaves(compare, `${name}/grad_step0`, layout, 'parameters', after.outputs.slope as TensorValue, (leaf) => `${name}/grad_step0/${theirs(leaf)}`, gradient);
        if (step === 0) compareLeaves(compare, `${name}/after1`, layout, 'parameters', parameters, (leaf) => `${name}/after1/${theirs(leaf)}`, output);
      }
      await executable.release();
      compareLeaves(compare, `${name}/after${losses.length}`, layout, 'parameters', parameters, (leaf) => `${name}/after${losses.length}/${theirs(leaf)}`, after30);
      await look(`after${losses.length}`, after30, after30);
    }
    return compare.finished(/^$/, '');
  },
};
