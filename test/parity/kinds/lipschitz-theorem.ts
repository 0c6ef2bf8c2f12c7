/** @file What theorem 3 needs of a Lipschitz partitioner: its trunk is inverted by a fixed point, its Jacobian has no singular value below the bound, its guide no small slope. */
import type { SessionHost } from '../../../engine/session/host.js';
import { tensor, type TensorValue } from '../../../engine/spec/value.js';
import { grad } from '../../../engine/tensor/grad.js';
import { squeeze } from '../../../engine/tensor/invertible.js';
import { perChannel } from '../../../engine/tensor/layers.js';
import { add, cast, constant, div, exp, input, matmul, mul, reshape, sub, sum } from '../../../engine/tensor/ops/index.js';
import { program } from '../../../engine/tensor/program.js';
import { bind, sizeOf, type Layout } from '../../../engine/tensor/scope.js';
import type { Tensor } from '../../../engine/tensor/tensor.js';
import { bandOf } from '../../../plugins/metrics/algebra/band.js';
import { eigenvaluesOf } from '../../../plugins/metrics/algebra/tridiagonal.js';
import { blocksOf, branch, residualTrunk, type LipschitzConfig } from '../../../plugins/partitioners/lipschitz-resnet.js';
import { scalarTolerance, type Comparison } from '../comparison.js';
import type { Manifest } from '../fixture.js';
import { runOnce } from './partitioner-parts.js';

interface Trunk {
  readonly c: LipschitzConfig;
  readonly layout: Layout;
  readonly state: Readonly<Record<'parameters' | 'buffers', TensorValue>>;
  readonly image: TensorValue;
  /** The guide of each image, and its gradient. */
  readonly guides: Float32Array;
  readonly slopes: Float32Array;
}

const ITERATIONS = 100;
const f32 = (...dims: readonly number[]) => ({ dtype: 'f32' as const, dims });
const numbers = (t: Tensor) => t.dims as readonly number[];

/** Height and width of the images that come to each block. */
export function imagesOf(c: LipschitzConfig, [, height, width]: readonly [number, number, number]): readonly (readonly [number, number])[] {
  let scale = 1;
  return blocksOf(c).map(({ squeezes }) => { const size = [height / scale, width / scale] as const; if (squeezes) scale *= 2; return size; });
}

export async function compareTheorem(host: SessionHost, compare: Comparison, scalars: Manifest['scalars'], trunk: Trunk): Promise<void> {
  const { c, layout, state, image, guides, slopes } = trunk, scalar = (group: string, key: string, ours: number) => compare.scalar(group, scalars[key], ours, scalarTolerance(scalars[key]));
  const outside = slopes.length / guides.length, norms = Array.from(guides, (_, i) => Math.hypot(...slopes.subarray(i * outside, (i + 1) * outside)));
  scalar('guide: least slope outside', 'min_guide_grad_norm_outside', Math.min(...norms.filter((_, i) => guides[i]! > 0)));

  const product = scaleProduct(layout, state.parameters.data as Float32Array), blocks = blocksOf(c).length;
  scalar('trunk: bounds', 'actnorm_min_scale_product', product);
  const bounds = { lower_bound_L_per_block: product * (1 - c.coefficient) ** blocks, lower_bound_L3_per_block: product * (1 - c.coefficient ** 3) ** blocks };
  for (const [key, bound] of Object.entries(bounds)) scalar('trunk: bounds', key, bound);
  for (const [i, smallest] of (scalars.trunk_jacobian_sv_min as number[]).entries()) {
    const values = await singularValues(host, trunk, i), [least, most] = [Math.min(...values), Math.max(...values)], largest = scalars.trunk_jacobian_sv_max[i];
    compare.scalar('trunk: singular values', smallest, least, scalarTolerance(smallest));
    compare.scalar('trunk: singular values', largest, most, scalarTolerance(largest));
    compare.ratio('trunk: none below the bound', Math.max(0, bounds.lower_bound_L3_per_block - least), 0);
  }
  const back = await inverted(host, trunk), error = (image.data as Float32Array).reduce((worst, x, i) => Math.max(worst, Math.abs(x - back[i]!)), 0);
  scalar(`trunk: inverted by ${ITERATIONS} iterations`, 'fixed_point_inverse_100_max_err', error);
}

/** The product over blocks of ActNorm's least scale. */
function scaleProduct({ parameters }: Layout, flat: Float32Array): number {
  let offset = 0, product = 1;
  for (const leaf of parameters) {
    const end = offset + sizeOf([leaf]);
    if (leaf.path.endsWith('.log_scale')) product *= Math.exp(Math.min(...flat.subarray(offset, end)));
    offset = end;
  }
  return product;
}

const states = ({ layout }: Trunk) => ({ parameters: f32(sizeOf(layout.parameters)), buffers: f32(sizeOf(layout.buffers)) });

/** Those of the trunk's Jacobian at one image: the image as often as it has numbers, each with one result to look at. */
async function singularValues(host: SessionHost, trunk: Trunk, at: number): Promise<number[]> {
  const { c, layout, image, state } = trunk, dims = image.dims.slice(1) as number[], n = dims.reduce((a, b) => a * b), one = (image.data as Float32Array).slice(at * n, (at + 1) * n);
  const { gram } = await runOnce(host, program('Jacobian', states(trunk), { image: f32(1, ...dims) }, (symbols, feeds) => {
    const s = bind('S', layout, symbols.parameters, symbols.buffers).scope(false), images = add(feeds.image, constant(0, 'f32', [n, ...dims])), result = residualTrunk(s.at('trunk'), images, c).at(-1)!;
    const each = constant(Float64Array.from({ length: n * n }, (_, i) => Number(i % (n + 1) === 0)), 'f32', numbers(result));
    const rows = cast(reshape(grad(sum(mul(result, each)), [images])[0]!, [n, n]), 'f64');
    return { outputs: { gram: matmul(rows, rows, { transposeA: true }) } };
  }), state, { image: tensor('f32', [1, ...dims], one) });
  return Array.from(await eigenvaluesOf(await bandOf(host, await host.put(gram!), n)), Math.sqrt);
}

/** The images again from what the trunk makes of them: x of y = x + g(x) is the limit of x <- y - g(x), block by block from the last. */
async function inverted(host: SessionHost, trunk: Trunk): Promise<Float32Array> {
  const { c, layout, state, image } = trunk, plan = blocksOf(c), sizes = imagesOf(c, image.dims.slice(1) as [number, number, number]);
  const results = await runOnce(host, program('trunk', states(trunk), { image: f32(...image.dims as number[]) }, (symbols, feeds) => {
    const s = bind('S', layout, symbols.parameters, symbols.buffers).scope(false);
    return { outputs: Object.fromEntries(residualTrunk(s.at('trunk'), feeds.image, c).map((h, i) => [`block ${i}`, h])) };
  }), state, { image });
  let y = results[`block ${plan.length - 1}`]!;
  for (let i = plan.length - 1; i >= 0; i--) {
    const dims = y.dims as number[], squeezes = plan[i]!.squeezes, before = squeezes ? [dims[0]!, dims[1]! / 4, 2 * dims[2]!, 2 * dims[3]!] : dims;
    const step = await host.compile(program('inverse', states(trunk), { y: f32(...dims), x: f32(...dims) }, (symbols, feeds) => {
      const s = bind('S', layout, symbols.parameters, symbols.buffers).scope(false).at('trunk').at(`block${i + 1}`), norm = s.at('norm'), width = [dims[1]!];
      const leaf = (name: string) => add(norm.parameter(name, width, () => new Float32Array()), norm.buffer(`offset_${name}`, width, () => new Float32Array()).value);
      const x = sub(feeds.y, branch(s, feeds.x, sizes[i]!, plan[i]!, c)), plain = div(sub(x, perChannel(leaf('shift'), 4)), perChannel(exp(leaf('log_scale')), 4));
      // Squeezing only moves numbers, so its gradient is its inverse.
      const source = input('source', f32(...before)), image = squeezes ? grad(sum(mul(squeeze(source), plain)), [source])[0]! : plain;
      return { outputs: { next: x, image } };
    }));
    const held = { parameters: await host.put(state.parameters), buffers: await host.put(state.buffers) };
    let x = y, image = y;
    for (let k = 0; k < ITERATIONS; k++) ({ next: x, image } = (await step.run(held, { y, x })).outputs as { next: TensorValue; image: TensorValue });
    await step.release();
    y = image;
  }
  // Channels of zeros that the trunk added are the last.
  const [batch = 0, channels = 0, ...places] = image.dims as number[], size = places.reduce((a, b) => a * b), wide = y.data.length / (batch * size);
  return (y.data as Float32Array).filter((_, i) => Math.floor(i / size) % wide < channels);
}
