/** @file The mean and the covariance of feature vectors that come in batches, in float64: however many there are, one matrix [F,F] is held. */
import {
  add, cast, compiledOnce, inputError, isResident, matmul, mean, mul, program, rows, sub, sum, tensor, type Resident, type SessionHost, type TensorValue, type Tensorial,
} from '../../engine/index.js';

export interface Moments {
  readonly count: number;
  readonly mean: Float64Array;
  /** Covariance f64[F,F]. One that lives in the host is released by whoever asked for it. */
  readonly covariance: Tensorial;
}

/** What the summed products are divided by: N - 1, or N as the StyleGAN2 metric code does. */
export type Covariance = 'sample' | 'population';

export interface MomentsSum {
  /** Adds vectors f32[N,F]. A value that is no finite number is an InputError that names the vectors. */
  add(feature: Tensorial): Promise<void>;
  /** The moments of all that was added. */
  finish(covariance?: Covariance): Promise<Moments>;
  /** Gives up what is in the host. */
  release(): void;
}

/** Numbers that go to the host in one piece: copying them holds nothing up. */
const PIECE = 1 << 20;

const start = (name: string) => program(name, {}, { feature: { dtype: 'f32', dims: ['N', 'F'] } }, (_, { feature }) => ({ outputs: { origin: mean(cast(feature, 'f64'), [0]) } }));
/** Sums about a fixed origin near the mean, so that nothing cancels; the products start from those before. */
const begin = (name: string) => program(name, {}, { feature: { dtype: 'f32', dims: ['N', 'F'] }, origin: { dtype: 'f64', dims: ['F'] } }, (_, { feature, origin }) => {
  const x = sub(cast(feature, 'f64'), origin);
  return { outputs: { sums: sum(x, [0]), products: matmul(x, x, { transposeA: true }) } };
});
const go = (name: string) => program(name, {}, { feature: { dtype: 'f32', dims: ['N', 'F'] }, origin: { dtype: 'f64', dims: ['F'] }, before: { dtype: 'f64', dims: ['F', 'F'] } }, (_, { feature, origin, before }) => {
  const x = sub(cast(feature, 'f64'), origin);
  return { outputs: { sums: sum(x, [0]), products: add(before, matmul(x, x, { transposeA: true })) } };
});
/** (products - N d d^T) / divisor, with d the mean's distance from the origin; `outer` is -N d. */
const finish = (name: string) => program(name, {}, {
  products: { dtype: 'f64', dims: ['F', 'F'] }, offset: { dtype: 'f64', dims: [1, 'F'] }, outer: { dtype: 'f64', dims: [1, 'F'] }, factor: { dtype: 'f64', dims: [1] },
}, (_, { products, offset, outer, factor }) => ({ outputs: { covariance: mul(add(products, matmul(outer, offset, { transposeA: true })), factor) } }));

/** Moments of vectors called `what` in errors. */
export function createMoments(host: SessionHost, what: string): MomentsSum {
  let count = 0, origin: TensorValue | undefined, sums = new Float64Array(0), products: Resident | undefined;

  async function addPiece(feature: TensorValue): Promise<void> {
    const [size = 0, width = 0] = feature.dims;
    origin ??= (await (await compiledOnce(host, 'origin of moments', start)).run({}, { feature })).outputs.origin as TensorValue;
    if (origin.dims[0] !== width) throw inputError(what, `their width is ${width}, that of those before is ${origin.dims[0]}`);
    const run = products ? await compiledOnce(host, 'more products', go) : await compiledOnce(host, 'first products', begin);
    const { outputs } = await run.run({}, { feature, origin, ...(products && { before: products }) }, { keep: ['products'] });
    if (products) host.release([products]);
    products = outputs.products as Resident;
    const added = (outputs.sums as TensorValue).data as Float64Array;
    const wrong = added.findIndex((value) => !Number.isFinite(value));
    if (wrong >= 0) throw inputError(what, `vectors ${count} to ${count + size - 1} hold something that is no finite number, in column ${wrong}`);
    sums = count ? sums.map((value, i) => value + added[i]!) : Float64Array.from(added);
    count += size;
  }

  return {
    async add(feature) {
      const value = isResident(feature) ? await host.get(feature) : feature;
      const [size = 0, width = 1] = value.dims, step = Math.max(1, Math.floor(PIECE / width));
      for (let from = 0; from < size; from += step) await addPiece(rows(value, from, Math.min(size, from + step)));
    },
    async finish(covariance = 'sample') {
      if (count < 2 || !products || !origin) throw inputError(what, `there are ${count} vectors; moments want two at least`);
      const width = sums.length, offset = sums.map((value) => value / count), run = await compiledOnce(host, 'covariance', finish);
      const { outputs } = await run.run({}, {
        products, offset: tensor('f64', [1, width], offset), outer: tensor('f64', [1, width], sums.map((value) => -value)),
        factor: tensor('f64', [1], Float64Array.of(1 / (covariance === 'sample' ? count - 1 : count))),
      }, { keep: ['covariance'] });
      return { count, mean: offset.map((value, i) => value + Number(origin!.data[i])), covariance: outputs.covariance! };
    },
    release() {
      if (products) host.release([products]);
      products = undefined;
    },
  };
}

/** The moments of vectors f32[N,F] that are here as one. */
export async function momentsOf(host: SessionHost, feature: Tensorial, what: string, covariance?: Covariance): Promise<Moments> {
  const sums = createMoments(host, what);
  try {
    await sums.add(feature);
    return await sums.finish(covariance);
  } finally { sums.release(); }
}
