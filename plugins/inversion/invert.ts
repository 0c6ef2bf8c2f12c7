/** @file `inversion/invert`: what a generator makes images again of, found from an encoder's guess by descent through both networks. */
import { z } from 'zod';
import {
  defineNode, fetched, generate, generatorState, inputError, int64, rows, tensor,
  type Metrics, type Optimiser, type Partitioner, type Resident, type Services, type State, type TensorValue, type Weights,
} from '../../engine/index.js';
import { DISTANCES } from './errors.js';
import { programsOf, type Inversion } from './program.js';

/** What is known of images after their inversion. */
export interface Inverted {
  /** f32[N,Z]: the latents of least loss that were met on the way. */
  readonly z: TensorValue;
  /** i64[N]: the label that the encoder gave, kept all the way; zeros for a generator without labels. */
  readonly label: TensorValue;
  readonly reconstruction: TensorValue;
  /** What the encoder's guess makes, before any step. */
  readonly guess: TensorValue;
  /** The loss of every image at its guess and at its end, f32[N]. */
  readonly first: Float32Array;
  readonly last: Float32Array;
}

const filled = (dims: readonly number[], value: number) => tensor('f32', dims, new Float32Array(dims.reduce((a, b) => a * b, 1)).fill(value));

/** Inverts a batch of images f32[N,…] at once by `steps` updates at learning rate `rate`. `onStep` hears of every loss. */
export async function invert(
  services: Services, inversion: Inversion, { weights, encoder }: { readonly weights: Weights; readonly encoder: Partitioner }, image: TensorValue,
  { steps, rate, signal }: { readonly steps: number; readonly rate: number; readonly signal?: AbortSignal },
): Promise<Inverted> {
  const { host } = services, { networks, optimiser, config } = inversion, count = image.dims[0]!;
  const { start, step } = await programsOf(services, inversion, count), frozen = { ...generatorState(weights), ...encoder.state };
  const { feature, z: guessed, label } = (await start.run({}, { image, ...encoder.state })).outputs as Readonly<Record<string, TensorValue>>;
  const given = { label: label ?? int64(new Int32Array(count)) }, size = [count, networks.latent];
  const first: Record<string, TensorValue> = { z: guessed!, best: guessed!, least: filled([count], Number.MAX_VALUE), ...Object.fromEntries(optimiser.moments(config).map((name) => [name, filled(size, 0)])) };
  const kept: Resident[] = [];
  const put = async (value: TensorValue) => { const resident = await host.put(value); kept.push(resident); return resident; };
  try {
    const target = await put(image), itsFeature = await put(feature!);
    let state: State = Object.fromEntries(await Promise.all(Object.entries(first).map(async ([name, value]) => [name, await put(value)] as const))), atFirst: Float32Array | undefined;
    // One run more than there are updates: the last one's loss is that of the last update.
    for (let i = 0; i <= steps; i++) {
      signal?.throwIfAborted();
      const scalars = optimiser.scalars(config, i + 1, rate), before = Object.values(state);
      const { state: next, outputs } = await step.run(state, { image: target, feature: itsFeature, scalars: tensor('f32', [scalars.length], Float32Array.from(scalars)), ...(label && { label }), ...frozen });
      atFirst ??= (outputs.loss as TensorValue).data as Float32Array;
      kept.push(...Object.values(next));
      // Many versions come and go within this one step of the node, and nothing outside has seen them.
      host.release(before);
      state = next;
    }
    const latents = await host.get(state.best!), least = await host.get(state.least!);
    const make = async (of: TensorValue) => fetched(services, await generate(services, weights, of, given));
    return { z: latents, label: given.label, reconstruction: await make(latents), guess: await make(guessed!), first: atFirst!, last: least.data as Float32Array };
  } finally {
    host.release(kept);
  }
}

/** Mean absolute difference. */
const distance = (a: TensorValue, b: TensorValue): number => DISTANCES.absolute(a.data as Float32Array, b.data as Float32Array);

/** Puts parts one after the other. */
const joined = (parts: readonly TensorValue[]): TensorValue => {
  const whole = new Float32Array(parts.reduce((n, { data }) => n + data.length, 0));
  let at = 0;
  for (const { data } of parts) { whole.set(data as Float32Array, at); at += data.length; }
  return tensor('f32', [parts.reduce((n, { dims }) => n + dims[0]!, 0), ...parts[0]!.dims.slice(1)], whole);
};

export const invertImages = defineNode({
  name: 'inversion/invert',
  about: 'Images as a generator can make them (Liu et al., 2020, section on reconstructions): the encoder guesses latents and a label; the label stays, the latents follow the gradient of the distance in pixels and in the encoder\'s features.',
  config: z.strictObject({
    steps: z.int().min(0).default(200).describe('updates of the latents; the paper does not say how many: ours. Those with the least loss on the way are taken'),
    optimiser: z.looseObject({ type: z.string() }).default({ type: 'adam', lr: 0.05 }).describe('any optimiser with its settings; Adam at this rate is ours, the paper names none'),
    features: z.number().min(0).default(5e-4).describe('weight of the squared distance in the encoder\'s features beside the absolute distance in pixels, both sums; as published'),
    batch: z.int().positive().default(64).describe('images that are inverted at once; bounds the memory, and changes nothing else'),
  }),
  inputs: { image: 'f32[N,C,H,W]', weights: { latest: '@weights[C,H,W]' }, encoder: { latest: '@encoder[C,H,W]' } },
  outputs: { reconstruction: 'f32[N,C,H,W]', guess: 'f32[N,C,H,W]', z: 'f32[N,Z]', label: 'i64[N]', metrics: '@metrics' },
  start({ steps, optimiser: chosen, features, batch }, { node, services }) {
    const optimiser = services.component<Optimiser>('optimiser', chosen.type), parsed = optimiser.config.safeParse(chosen);
    if (!parsed.success) throw inputError(`nodes.${node}.config.optimiser`, parsed.error.issues.map(({ path, message }) => `${path.join('.')} ${message}`).join('; '));
    const rate = (parsed.data as { readonly lr: number }).lr;
    return {
      state: {},
      async step(state, inputs, { services: { progress }, signal }) {
        const weights = inputs.weights as Weights, encoder = inputs.encoder as Partitioner, { networks } = weights, image = await fetched(services, inputs.image), count = image.dims[0]!;
        requireFit(weights, encoder, `nodes.${node}.in`);
        const inversion = { networks, encoder: encoder.network, optimiser, config: parsed.data, features }, parts: Inverted[] = [];
        for (let from = 0; from < count; from += batch) {
          parts.push(await invert(services, inversion, { weights, encoder }, rows(image, from, Math.min(count, from + batch)), { steps, rate, signal }));
          progress(`${node}: inverting`, Math.min(count, from + batch), count);
        }
        const reconstruction = joined(parts.map((part) => part.reconstruction)), guess = joined(parts.map((part) => part.guess));
        const mean = (of: (part: Inverted) => Float32Array) => parts.reduce((total, part) => total + of(part).reduce((a, b) => a + b, 0), 0) / count;
        const metrics: Metrics = { error: distance(reconstruction, image), guess_error: distance(guess, image), loss: mean(({ last }) => last), guess_loss: mean(({ first }) => first) };
        const label = int64(parts.flatMap((part) => Array.from(part.label.data as BigInt64Array, Number)));
        return { state, outputs: { reconstruction, guess, z: joined(parts.map((part) => part.z)), label, metrics } };
      },
    };
  },
});

/** Refuses networks that take more than a label, and an encoder that was trained on another generator's images. */
function requireFit({ networks: { latent, image, condition: { labels, width } } }: Weights, { network }: Partitioner, where: string): void {
  if (width) throw inputError(`${where}.weights`, 'this generator is conditioned on vectors; labels, or nothing, can be guessed');
  if (network.head !== 'inverse') throw inputError(`${where}.encoder`, 'this encoder says nothing of latents', { try: 'one that train/inverter has trained' });
  if (network.parts !== latent + labels || network.image.some((size, axis) => size !== image[axis]))
    throw inputError(`${where}.encoder`, `it gives ${network.parts} numbers of images [${network.image}]; the generator's images [${image}] are made of ${latent} latents and ${labels || 'no'} labels: it was trained on another one`);
}
