/** @file Small operations of partitioners: nearest neighbours of features, squeezing and its inverse, ActNorm's first batch. */
import { grad } from '../../../engine/tensor/grad.js';
import { actNorm, squeeze } from '../../../engine/tensor/invertible.js';
import { input, mul, sum } from '../../../engine/tensor/ops/index.js';
import { program } from '../../../engine/tensor/program.js';
import { bind, layoutOf, sizeOf } from '../../../engine/tensor/scope.js';
import { tensor, transient } from '../../../engine/spec/value.js';
import { unitVectors } from '../../../engine/training/unit-vectors.js';
import type { Features } from '../../../engine/training/values.js';
import { searchExactly } from '../../../plugins/neighbours/exact-search.js';
import { scalarTolerance, tolerances } from '../comparison.js';
import type { Kind } from '../fixture.js';
import { checking, compareLeaves, flatOf, runOnce } from './partitioner-parts.js';

const MEMORY = 1 << 24;

export const partitionOps: Kind = {
  name: 'partition-ops',
  matches: ({ arrays }) => ['knn/features', 'squeeze/in', 'actnorm/in'].every((key) => arrays.has(key)),
  async check(fixture, host) {
    const compare = checking(fixture), { output } = tolerances(fixture), { scalars } = fixture.manifest;

    const raw = compare.given('knn/features'), [size, width] = raw.dims as readonly [number, number];
    const features: Features = {
      [transient]: true, key: 'knn', size, width, normalised: false, labels: new Int32Array(size), classes: 1, flips: false,
      read: (indices) => tensor('f32', [indices.length, width], Float32Array.from({ length: indices.length * width }, (_, i) => (raw.data as Float32Array)[indices[Math.floor(i / width)]! * width + (i % width)]!)),
    };
    // The published lists begin with the point itself; ours name others only.
    const k = scalars.knn_topk as number, { index } = await searchExactly(host, await unitVectors(features, MEMORY, 'knn/features'), { k, memory: MEMORY });
    const lists = Array.from({ length: size }, (_, i) => [i, ...index.subarray(i * k, i * k + k)]).flat();
    compare.array('knn', 'knn/indices_top21', lists, () => 0);

    const image = compare.given('squeeze/in'), squeezed = compare.given('squeeze/out');
    const moved = await runOnce(host, program('squeeze', {}, { image: { dtype: 'f32', dims: image.dims }, squeezed: { dtype: 'f32', dims: squeezed.dims } }, (_, feeds) => {
      const out = squeeze(feeds.image);
      // It only moves numbers, so its gradient is its inverse.
      return { outputs: { out, back: grad(sum(mul(out, feeds.squeezed)), [feeds.image])[0]! } };
    }), {}, { image, squeezed });
    compare.array('squeeze', 'squeeze/out', moved.out!.data as Float32Array, () => 0);
    compare.array('squeeze: inverse', 'squeeze/inverse_of_out', moved.back!.data as Float32Array, () => 0);

    const batch = compare.given('actnorm/in'), layout = layoutOf((s) => actNorm(s, input('x', { dtype: 'f32', dims: batch.dims })));
    const state = { parameters: flatOf(layout.parameters, ({ dims }) => new Float32Array(dims[0]!)), buffers: flatOf(layout.buffers, ({ dims }) => new Float32Array(dims[0]!)) };
    const vector = (kind: 'parameters' | 'buffers') => ({ dtype: 'f32' as const, dims: [sizeOf(layout[kind])] });
    const first = await runOnce(host, program('first batch', { parameters: vector('parameters'), buffers: vector('buffers') }, { batch: { dtype: 'f32', dims: batch.dims } }, (leaves, feeds) => {
      const net = bind('norm', layout, leaves.parameters, leaves.buffers), out = actNorm(net.scope(true), feeds.batch);
      return { outputs: { out, set: net.buffers! } };
    }), state, { batch });
    compare.array('actnorm', 'actnorm/out', first.out!.data as Float32Array, output);
    const NAMES: Readonly<Record<string, string>> = { offset_log_scale: 'log_scale', offset_shift: 'shift' };
    compareLeaves(compare, 'actnorm: what the batch set', layout, 'buffers', first.set!, ({ path }) => NAMES[path] && `actnorm/${NAMES[path]}`, output);
    const [, channels = 0, ...places] = batch.dims as number[], scales = (first.set!.data as Float32Array).subarray(1, 1 + channels);
    compare.scalar('actnorm: log-determinant', scalars.actnorm_logdet, places.reduce((a, b) => a * b) * scales.reduce((a, b) => a + b), scalarTolerance(scalars.actnorm_logdet));
    return compare.finished(/^$/, '');
  },
};
