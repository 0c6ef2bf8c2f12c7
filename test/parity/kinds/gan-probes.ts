/** @file What is read off a pair of networks as they were initialised: outputs, features, buffers after one pass in training, and R1 with its gradient. */
import type { TensorValue } from '../../../engine/spec/value.js';
import { grad } from '../../../engine/tensor/grad.js';
import { sum } from '../../../engine/tensor/ops/index.js';
import { program, type Program } from '../../../engine/tensor/program.js';
import type { Tensor } from '../../../engine/tensor/tensor.js';
import { gradientPenalty, squaredGradientNorm } from '../../../engine/training/loss.js';
import { NETWORKS, type NetworkName } from '../../../engine/training/method.js';
import { bindNetwork, stateShapes, type NetworkPair } from '../../../engine/training/networks.js';

/** `weight` is R1's; without one the penalty is left out. */
export function probeProgram(pair: NetworkPair, { z, image, label }: Readonly<Record<'z' | 'image' | 'label', TensorValue>>, weight: number | undefined): Program {
  const shapes = { ...stateShapes('generator', pair.generator.layout), ...stateShapes('discriminator', pair.discriminator.layout) };
  const inputs = { z: { dtype: 'f32', dims: z.dims }, image: { dtype: 'f32', dims: image.dims }, label: { dtype: 'i64', dims: label.dims } } as const;
  return program('probe', shapes, inputs, (state, feeds) => {
    const bound = (network: NetworkName) => bindNetwork(network, pair[network].layout, state);
    const networks = { generator: bound('generator'), discriminator: bound('discriminator') };
    const made = pair.generator.apply(networks.generator.scope(true), feeds.z, feeds);
    const real = pair.discriminator.apply(networks.discriminator.scope(true), feeds.image, feeds).logit;
    const judged = pair.discriminator.apply(bound('discriminator').scope(false), feeds.image, feeds);
    return {
      next: Object.fromEntries(NETWORKS.filter((network) => networks[network].buffers).map((network) => [`${network}/buffers`, networks[network].buffers!])),
      outputs: { out_train: made, real_train: real, real_eval: judged.logit, features_eval: judged.feature, ...(weight === undefined ? {} : penalised(weight)) },
    };

    function penalised(weight: number): Record<string, Tensor> {
      const R = bound('discriminator'), { logit } = pair.discriminator.apply(R.scope(true), feeds.image, feeds), penalty = gradientPenalty(logit, feeds.image, { weight, centre: 0 });
      return { norm: squaredGradientNorm(logit, feeds.image), slope: grad(sum(logit), [feeds.image])[0]!, penalty, penalty_gradient: grad(penalty, [R.parameters])[0]! };
    }
  });
}
