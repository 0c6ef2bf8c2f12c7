/** @file Features of the published 2-D discriminator, whose weights a fixture gives under a prefix. */
import type { SessionHost } from '../../../engine/session/host.js';
import { tensor, type TensorValue } from '../../../engine/spec/value.js';
import { sizeOf } from '../../../engine/tensor/scope.js';
import { discriminatorProgram, networkPair } from '../../../engine/training/networks.js';
import { mlpMaxout } from '../../../plugins/backbones/mlp-maxout.js';
import type { Fixture } from '../fixture.js';
import { regrouped } from '../leaves.js';

/** Features of `points` f32[N,2] under the discriminator at `prefix` (`D0`). */
export async function maxoutFeatures(host: SessionHost, { arrays }: Fixture, prefix: string, points: TensorValue): Promise<TensorValue> {
  const read = (name: string) => arrays.get(`${prefix}/${name}`)!;
  const width = read('fc2.lin.weight').dims[1]!, pool = read('fc1.lin.weight').dims[0]! / width;
  const pair = networkPair({
    backbone: 'mlp-maxout', config: mlpMaxout.config.parse({ type: 'mlp-maxout', latent: 2, embedding: 2, generator: 2, discriminator: width, pool }),
    image: [points.dims[1]!], latent: 2, condition: { labels: read('fc4.fc.weight').dims[0]!, width: 0 },
  }, mlpMaxout);
  const leaves = pair.discriminator.layout.parameters, flat = new Float32Array(sizeOf(leaves));
  let offset = 0;
  for (const { path, dims } of leaves) {
    const name = path.replace(/^layer(\d)\.linear/, 'fc$1.lin').replace(/^out/, 'fc4.fc'), members = path.startsWith('layer') ? pool : 1;
    flat.set(regrouped(read(name).data as Float32Array, dims[0]! / members, members), offset);
    offset += dims.reduce((a, b) => a * b, 1);
  }
  const parameters = await host.put(tensor('f32', [flat.length], flat));
  const run = await host.compile(discriminatorProgram('features', pair, {}, (judge) => ({ feature: judge().feature })));
  try {
    return (await run.run({ 'discriminator/parameters': parameters }, { image: points })).outputs.feature as TensorValue;
  } finally {
    host.release([parameters]);
    await run.release();
  }
}
