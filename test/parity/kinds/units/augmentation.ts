/** @file The policies of DiffAugment, each with its stored draws. */
import { tensor } from '../../../../engine/spec/value.js';
import { program } from '../../../../engine/tensor/program.js';
import type { Tensor } from '../../../../engine/tensor/tensor.js';
import { augmented } from '../../../../engine/training/augment.js';
import { relativeTolerances } from '../../comparison.js';
import { drawsOf, policiesOf } from '../biggan-published.js';
import type { UnitChecker } from '../units.js';

export const diffAugment: UnitChecker = {
  prefix: 'diffaug/',
  async check(fixture, compare, host) {
    const { dims, data } = fixture.arrays.get('diffaug/in')!, image = tensor('f32', dims, Float32Array.from(data as Float32Array)), count = dims[0]!;
    for (const policy of ['translation', 'cutout', 'color'].filter((name) => fixture.arrays.has(`diffaug/${name}/out`))) {
      let next = 0;
      const draws = drawsOf(policy, dims[2]!, () => fixture.arrays.get(`diffaug/${policy}/draw${next++}`)!.data as Float32Array);
      const shapes = Object.fromEntries(Object.keys(draws).map((name) => [name, { dtype: 'f32' as const, dims: [count] }]));
      const traced = program('augment', {}, { image: { dtype: 'f32', dims }, ...shapes }, (_, inputs: Readonly<Record<string, Tensor>>) =>
        ({ outputs: { out: augmented(inputs.image!, policiesOf(policy), (name) => inputs[name]!) } }));
      const executable = await host.compile(traced);
      try {
        const feeds = { image, ...Object.fromEntries(Object.entries(draws).map(([name, values]) => [name, tensor('f32', [count], Float32Array.from(values))])) };
        const { out } = (await executable.run({}, feeds)).outputs;
        compare.array(`diffaug/${policy}`, `diffaug/${policy}/out`, (out as typeof image).data as Float32Array, relativeTolerances(fixture).output);
      } finally { await executable.release(); }
    }
  },
};
