/** @file Our sides of the comparisons with another library, by name; as a program (`ours.js NAME THREADS`), one of them, driven like a peer, so that memory and threads are its own. */
import { createInterface } from 'node:readline';
import { startExtractor } from './extract.js';
import type { Stepper } from './stepper.js';
import { startGeneration, startTraining, type StepCase } from './training-step.js';

const labelled = (image: readonly number[], batch: number, below: number, backbone: string, betas: readonly [number, number], more: object = {}): StepCase => ({
  trains: 'self-conditioned', config: { backbone: { type: backbone }, optimiser: { type: 'adam', lr: 1e-4, betas }, ...more },
  batch: { image: { dtype: 'f32', dims: [batch, ...image] }, label: { dtype: 'i64', dims: [batch], below } },
});
const points = labelled([2], 100, 50, 'mlp-maxout', [0.8, 0.999]);
const digits = labelled([3, 32, 32], 64, 100, 'dcgan-shallow', [0, 0.99]);
const pictures = labelled([3, 32, 32], 64, 100, 'dcgan-deep', [0, 0.99]);
const scenes = labelled([3, 128, 128], 8, 100, 'resnet2', [0, 0.99], { averaging: { decay: 0.999, statistics: false }, options: { penalty: { on: 'real', weight: 0.1 } } });
const vectors = { dtype: 'f32', dims: [16, 2048] } as const;
const photos: StepCase = {
  trains: 'ic-gan',
  config: {
    backbone: { type: 'biggan', generator: 32, discriminator: 32 }, optimiser: { type: 'adam', lr: 1e-4, betas: [0, 0.999], epsilon: 1e-6 }, averaging: { decay: 0.9999 },
  },
  batch: { image: { dtype: 'f32', dims: [16, 3, 64, 64] }, vector: vectors, fake_vector: vectors, fool_vector: vectors },
};

const small = { dtype: 'f32', dims: [64, 3, 32, 32] } as const;
/** Equation 5 on pairs as they come: the peer makes no views. */
const parts: StepCase = {
  trains: 'partitioner',
  config: {
    encoder: { type: 'lipschitz-resnet' }, parts: 200, optimiser: { type: 'adam', lr: 1e-4, weight_decay: 1e-4 },
    options: { views: { crop: false, flip: false, colour: false, grey: 0, cutout: 0 } },
  },
  batch: { image: small, neighbour: small },
};
/** The networks of table 6, a generator step to each discriminator step. */
const unguided: StepCase = {
  trains: 'pgmgan',
  config: { backbone: { type: 'sngan-32' }, optimiser: { type: 'adam', lr: 2e-4, betas: [0, 0.999] }, options: { steps: 1 } },
  batch: { image: small, label: { dtype: 'i64', dims: [64], below: 200 } },
};
const guided: StepCase = { ...unguided, guide: parts };

const training = (step: StepCase) => (threads: number) => startTraining(step, threads);
const OURS = {
  '2d': training(points), dcgan: training(digits), 'dcgan-deep': training(pictures), 'resnet2-r1': training(scenes), biggan: training(photos), sngan: training(guided),
  'sngan-unguided': training(unguided), partitioner: training(parts), 'biggan-generate': (threads) => startGeneration(photos, threads), extract: startExtractor,
} satisfies Readonly<Record<string, (threads: number) => Promise<Stepper>>>;
export type OurSide = keyof typeof OURS;

const [name, threads] = process.argv.slice(2);
const side = await OURS[name as OurSide](Number(threads)), say = (answer: object) => console.log(JSON.stringify(answer));
say({ peer: side.name });
for await (const steps of createInterface({ input: process.stdin })) say({ seconds: await side.time(Number(steps)) });
await side.close();
