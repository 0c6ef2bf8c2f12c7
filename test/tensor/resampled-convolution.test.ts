/** @file Convolutions with a change of size against the plain way, in float64: values, gradients and gradients of gradients, borders included. */
import { keyedRandom } from '../../engine/session/keyed-random.js';
import { createWorkerHost } from '../../engine/session/worker-host.js';
import { tensor, type TensorValue } from '../../engine/spec/value.js';
import { evaluate } from '../../engine/tensor/evaluate.js';
import { grad } from '../../engine/tensor/grad.js';
import { add, averagePool, constant, convolution, input, mul, resizeNearest, sum, type ConvolutionOptions } from '../../engine/tensor/ops/index.js';
import { program } from '../../engine/tensor/program.js';
import { pooledConvolution, upsampledConvolution } from '../../engine/tensor/resampled-convolution.js';
import { topological, type Tensor } from '../../engine/tensor/tensor.js';

const SEED = 20;
const draws = (dims: readonly number[], name: string) => keyedRandom(SEED, 'resampled', 0, name).normal(dims.reduce((a, b) => a * b, 1));
const weighted = (t: Tensor, name: string) => sum(mul(t, constant(Float64Array.from(draws(t.dims as number[], name)), t.dtype, t.dims)));

const forms = {
  up: [upsampledConvolution, (x: Tensor, k: Tensor, o: ConvolutionOptions) => convolution(resizeNearest(x, 2), k, o)],
  down: [pooledConvolution, (x: Tensor, k: Tensor, o: ConvolutionOptions) => averagePool(convolution(x, k, o), { kernel: 2 })],
} as const;

const cases: readonly (readonly [image: readonly number[], kernel: readonly number[], options: ConvolutionOptions])[] = [
  [[3, 2, 4, 6], [5, 2, 3, 3], { padding: 1 }],
  [[1, 3, 5, 7], [2, 3, 3, 3], { padding: 1 }],
  [[3, 2, 4, 4], [3, 2, 3, 3], {}],
  [[2, 2, 6, 5], [3, 2, 5, 5], { padding: 2 }],
  [[2, 2, 5, 6], [3, 2, 2, 4], { padding: [1, 2, 0, 3] }],
  [[3, 4, 4, 6], [2, 4, 1, 1], {}],
  [[2, 4, 4, 6], [2, 4, 1, 1], { padding: 1 }],
  [[2, 4, 6, 6], [2, 2, 3, 3], { padding: 1, groups: 2 }],
  [[2, 2, 6, 6], [2, 2, 3, 3], { padding: 2, dilation: 2 }],
  [[2, 2, 8, 6], [2, 2, 3, 3], { padding: 1, stride: 2 }],
  [[2, 2, 4, 4], [2, 2, 2, 2], { padding: 2 }],
];

describe.each(Object.keys(forms) as (keyof typeof forms)[])(`%s, seed ${SEED}`, (way) => {
  test.each(cases)('image %j, kernel %j, %j', (image, kernel, options) => {
    const x = input('x', { dtype: 'f64', dims: image }), k = input('k', { dtype: 'f64', dims: kernel });
    const [found, plain] = forms[way].map((form) => {
      const y = form(x, k, options), first = grad(weighted(mul(y, y), 'y'), [x, k]);
      const second = grad(add(weighted(first[0]!, 'dx'), weighted(first[1]!, 'dk')), [x, k]);
      return evaluate([y, ...first, ...second], { x: { dims: image, data: draws(image, 'x') }, k: { dims: kernel, data: draws(kernel, 'k') } });
    });
    found!.forEach(({ dims, data }, i) => {
      expect(dims).toEqual(plain![i]!.dims);
      const size = Math.max(...data.map(Math.abs));
      data.forEach((v, j) => { expect(Math.abs(v - plain![i]!.data[j]!)).toBeLessThan(1e-12 * size); });
    });
  });

  test('a 3x3 kernel makes no image of the larger size', () => {
    const x = input('x', { dtype: 'f32', dims: [2, 4, 8, 8] }), k = input('k', { dtype: 'f32', dims: [4, 4, 3, 3] });
    const y = forms[way][0](x, k, { padding: 1 }), sizes = topological([y]).flatMap(({ outputs }) => outputs).filter((t) => t !== y && t.dims[0] === 2).map(({ dims }) => dims[2]);
    expect(sizes).toEqual([8]);
  });

  test('in ONNX Runtime, for any batch and for a given one', async () => {
    const host = await createWorkerHost({ threads: 1 }), image = [3, 32, 8, 8], kernel = [24, 32, 3, 3];
    try {
      for (const batch of ['N', 3] as const) {
        const body = (form: (typeof forms)[typeof way][number]) => (_: object, { x, k }: { readonly x: Tensor; readonly k: Tensor }) => ({ outputs: { y: form(x, k, { padding: 1 }) } });
        const [found, plain] = await Promise.all(forms[way].map(async (form) => {
          const run = await host.compile(program('resampled', {}, { x: { dtype: 'f32', dims: [batch, 32, 8, 8] }, k: { dtype: 'f32', dims: kernel } }, body(form)));
          return (await run.run({}, { x: tensor('f32', image, draws(image, 'x')), k: tensor('f32', kernel, draws(kernel, 'k')) })).outputs.y as TensorValue;
        }));
        found!.data.forEach((v, i) => { expect(Math.abs(Number(v) - Number(plain!.data[i]!))).toBeLessThan(1e-4); });
      }
    } finally { await host.close(); }
  });
});
