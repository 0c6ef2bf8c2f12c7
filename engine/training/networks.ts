/** @file The programs of a pair of networks, traced from their description: what sampling, labelling and evaluation run. */
import type { Dim, TensorShape } from '../spec/tensor-type.js';
import { ARRAYS, elements, isResident, tensor, type Resident, type Tensorial, type TensorValue } from '../spec/value.js';
import type { Services } from '../dataflow/context.js';
import { compiledOnce } from '../session/compiled-once.js';
import type { Executable, RunOptions, State } from '../session/host.js';
import type { Draws } from '../tensor/init.js';
import { input } from '../tensor/ops/index.js';
import { program, type Program } from '../tensor/program.js';
import { bind, layoutOf, sizeOf, type BoundNetwork, type Layout, type Scope } from '../tensor/scope.js';
import type { Tensor } from '../tensor/tensor.js';
import { packOf, type Backbone, type Condition, type Given, type Judgement } from './backbone.js';
import type { TrainedName } from './method.js';
import type { Networks, Weights } from './values.js';

const shape = (dtype: TensorShape['dtype'], ...dims: Dim[]): TensorShape => ({ dtype, dims });

/** The condition of `count` images, as types: `label`, `vector`, both or nothing. */
export const conditionShapes = ({ condition: { labels, width } }: Networks, count: Dim): Readonly<Record<string, TensorShape>> => ({
  ...(labels ? { label: shape('i64', count) } : {}), ...(width ? { vector: shape('f32', count, width) } : {}),
});
const symbols = (shapes: Readonly<Record<string, TensorShape>>): Readonly<Record<string, Tensor>> => Object.fromEntries(Object.entries(shapes).map(([name, type]) => [name, input(name, type)]));

/** What the networks take of a condition. Throws a TypeError when something is missing. */
function taken<T>({ condition: { labels, width } }: Networks, { label, vector }: Given<T>): Given<T> {
  if ((labels && !label) || (width && !vector)) throw new TypeError(`these networks want ${labels ? 'a label' : ''}${labels && width ? ' and ' : ''}${width ? 'a vector' : ''} for every image`);
  return { ...(labels && { label }), ...(width && { vector }) };
}

/** The two networks as functions of a scope. */
export interface NetworkPair {
  readonly networks: Networks;
  readonly generator: { readonly layout: Layout; apply(scope: Scope, z: Tensor, condition: Given): Tensor };
  readonly discriminator: { readonly layout: Layout; readonly perImage: boolean; readonly pack: number; apply(scope: Scope, image: Tensor, condition: Given): Judgement };
}

/** Finds the leaves of both networks by tracing them once. */
export function networkPair(networks: Networks, backbone: Backbone): NetworkPair {
  const { config, image, latent } = networks;
  const conditioned = (given: Given) => ({ ...networks.condition, ...taken(networks, given) }) as Condition;
  const generator = (scope: Scope, z: Tensor, condition: Given) => backbone.generator(scope, z, conditioned(condition), config, image);
  const discriminator = (scope: Scope, x: Tensor, condition: Given) => backbone.discriminator(scope, x, conditioned(condition), config);
  const condition = symbols(conditionShapes(networks, 2)), pack = packOf(backbone, config);
  return {
    networks,
    generator: { layout: layoutOf((s) => generator(s, input('z', shape('f32', 2, latent)), condition)), apply: generator },
    discriminator: {
      layout: layoutOf((s) => discriminator(s, input('image', shape('f32', 2 * pack, ...image)), condition)),
      perImage: backbone.perImage ?? false, pack, apply: discriminator,
    },
  };
}

/** The state tensors of one network, by name. */
export const stateShapes = (name: TrainedName, layout: Layout): Record<string, TensorShape> => ({
  [`${name}/parameters`]: shape('f32', sizeOf(layout.parameters)),
  ...(layout.buffers.length ? { [`${name}/buffers`]: shape('f32', sizeOf(layout.buffers)) } : {}),
});

/** Binds a network's leaves to the symbols of its state. */
export const bindNetwork = (name: TrainedName, layout: Layout, state: Readonly<Record<string, Tensor>>): BoundNetwork =>
  bind(name, layout, state[`${name}/parameters`]!, state[`${name}/buffers`]);

/** The state of a frozen generator as inputs of a program, and the generator in evaluation mode: for programs that differentiate through it. */
export function generatorSymbols({ generator: { layout, apply } }: NetworkPair) {
  const inputs = symbols(stateShapes('generator', layout)), scope = bindNetwork('generator', layout, inputs).scope(false);
  return { inputs, apply: (z: Tensor, condition: Given) => apply(scope, z, condition) };
}

/** Evaluation: latents `z` f32[N,Z] and the condition (`label`, `vector`) to `image`, for any N, or faster for a given one. */
export function generatorProgram({ networks, generator }: NetworkPair, count: Dim = 'N'): Program {
  const inputs = { z: shape('f32', count, networks.latent), ...conditionShapes(networks, count) };
  return program('generator', stateShapes('generator', generator.layout), inputs, (state, feeds: Record<string, Tensor>) => ({
    outputs: { image: generator.apply(bindNetwork('generator', generator.layout, state).scope(false), feeds.z!, feeds) },
  }));
}

/** What a program may read off the discriminator in evaluation: `body` gets its judgement of `image` f32[N,…] and the other inputs. */
export function discriminatorProgram<const I extends Readonly<Record<string, TensorShape>>>(
  name: string, { networks, discriminator }: NetworkPair, inputs: I,
  body: (judge: (condition?: Given) => Judgement, feeds: { readonly [K in keyof I]: Tensor }) => Readonly<Record<string, Tensor>>,
): Program {
  if (discriminator.pack > 1) throw new TypeError(`this discriminator sees ${discriminator.pack} images at once, and has nothing to say of one`);
  const shapes = { image: shape('f32', 'N', ...networks.image), ...inputs };
  return program(name, stateShapes('discriminator', discriminator.layout), shapes, (state, feeds) => {
    const scope = bindNetwork('discriminator', discriminator.layout, state).scope(false);
    // A feature does not depend on the condition: without one, symbols that no output needs stand in for it.
    const judge = (condition: Given = symbols(conditionShapes(networks, 'N'))) => discriminator.apply(scope, (feeds as Record<string, Tensor>).image!, condition);
    return { outputs: body(judge, feeds as { readonly [K in keyof I]: Tensor }) };
  });
}

/** Compiles a program of these networks once per host and `name`; equal descriptions share it. */
export const executableOf = (services: Services, networks: Networks, name: string, trace: (pair: NetworkPair) => Program): Promise<Executable> =>
  compiledOnce(services.host, `${name} ${JSON.stringify(networks)}`, () => trace(networkPair(networks, services.component<Backbone>('backbone', networks.backbone))));

/** The generator's state: the averaged one where there is one and `averaged` isn't false. */
export function generatorState({ state, averaged }: Weights, wantAveraged = true): State {
  const pick = (live: string, average: string): Record<string, Resident> => {
    const found = (averaged && wantAveraged ? state[average] : undefined) ?? state[live];
    return found ? { [live]: found } : {};
  };
  return { ...pick('generator/parameters', 'generator/average'), ...pick('generator/buffers', 'generator/average-buffers') };
}

/** Latents of so many images, standard normal, f32[N,Z]. */
export const drawLatents = ({ latent }: Networks, draws: Draws, count: number): TensorValue => tensor('f32', [count, latent], draws.normal(count * latent));

/** Images of latents f32[N,Z] under conditions (ignored by an unconditional generator). f32[N,…image] */
export async function generate(services: Services, weights: Weights, z: Tensorial, condition: Given<Tensorial>, averaged = true, options?: RunOptions): Promise<Tensorial> {
  // Compiled for each number of images that is ever asked for: a program for any number is a quarter slower, and no sooner there.
  const [count] = z.dims as readonly number[], run = await executableOf(services, weights.networks, `generator of ${count}`, (pair) => generatorProgram(pair, count));
  return (await run.run(generatorState(weights, averaged), { z, ...taken(weights.networks, condition) as Record<string, Tensorial> }, options)).outputs.image!;
}

/** A tensor's data here, fetched from the host if it lives there. */
export const fetched = async (services: Services, value: Tensorial): Promise<TensorValue> => (isResident(value) ? services.host.get(value) : value);

/** Rows `from` to `to` of a tensor that is here. */
export function rows(value: TensorValue, from: number, to: number): TensorValue {
  const width = value.data.length / value.dims[0]!;
  return tensor(value.dtype, [to - from, ...value.dims.slice(1)], value.data.subarray(from * width, to * width));
}

/** Rows of a tensor that is here by their indices, in that order; an index below 0 gives a row of zeros. */
export function rowsAt(value: TensorValue, indices: ArrayLike<number>): TensorValue {
  const width = elements(value.dims.slice(1)), data = new ARRAYS[value.dtype](indices.length * width);
  for (let i = 0; i < indices.length; i++) {
    const from = indices[i]! * width;
    if (from >= 0) data.set(value.data.subarray(from, from + width) as never, i * width);
  }
  return tensor(value.dtype, [indices.length, ...value.dims.slice(1)], data);
}
