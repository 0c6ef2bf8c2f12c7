/** @file ResNet-50 (He et al. 2016; its strides in the 3x3 convolutions, as torchvision has it) with random weights, as an ONNX file: what the papers' extractors cost. */
import { keyedRandom } from '../engine/session/keyed-random.js';
import { tensor, type TensorValue } from '../engine/spec/value.js';
import { encode } from '../engine/tensor/onnx/encode.js';
import { torchWeight, uniform } from '../engine/tensor/init.js';
import { perChannel } from '../engine/tensor/layers.js';
import { add, convolution, globalAveragePool, input, maxPool, relu, reshape } from '../engine/tensor/ops/index.js';
import { separate, type Scope } from '../engine/tensor/scope.js';
import type { Tensor } from '../engine/tensor/tensor.js';

/** Inner width, blocks and first stride of each stage. */
const STAGES = [[64, 3, 1], [128, 4, 2], [256, 6, 2], [512, 3, 2]] as const;

/** A convolution with its batch normalisation folded in, as exporters write it. */
const unit = (s: Scope, x: Tensor, out: number, kernel: number, stride = 1): Tensor => {
  const y = convolution(x, s.parameter('weight', [out, x.dims[1] as number, kernel, kernel], torchWeight), { stride, padding: kernel >> 1 });
  return add(y, perChannel(s.parameter('bias', [out], uniform(0.01)), 4));
};

function bottleneck(s: Scope, x: Tensor, width: number, stride: number): Tensor {
  const inner = relu(unit(s.at('b'), relu(unit(s.at('a'), x, width, 1)), width, 3, stride));
  const same = stride === 1 && x.dims[1] === 4 * width;
  return relu(add(unit(s.at('c'), inner, 4 * width, 1), same ? x : unit(s.at('short'), x, 4 * width, 1, stride)));
}

function network(s: Scope, image: Tensor): Tensor {
  let x = maxPool(relu(unit(s.at('stem'), image, 64, 7, 2)), { kernel: 3, stride: 2, padding: 1 });
  for (const [i, [width, blocks, stride]] of STAGES.entries()) {
    for (let b = 0; b < blocks; b++) x = bottleneck(s.at(`stage${i}.${b}`), x, width, b === 0 ? stride : 1);
  }
  return reshape(globalAveragePool(x), ['N', 2048]);
}

/** `image` f32[N,3,R,R] to `feature` f32[N,2048]; 23.5 million weights inside, the classifier left out. */
export function resnet50(resolution = 224): Uint8Array {
  const image = input('image', { dtype: 'f32', dims: ['N', 3, resolution, resolution] });
  const { layout, leaves, result } = separate((s) => network(s, image));
  const constants: Record<string, TensorValue> = {};
  for (const { path, dims, init } of layout.parameters) constants[path] = tensor('f32', dims, init(dims, keyedRandom(1, 'resnet', 0, path)));
  return encode({
    name: 'resnet50', inputs: { image }, outputs: { feature: result },
    state: Object.fromEntries([...leaves].map(([path, value]) => [path, { value, next: value }])),
  }, { constants });
}
