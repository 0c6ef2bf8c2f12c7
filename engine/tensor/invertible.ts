/** @file What invertible residual networks have beside convolutions: normalisation whose first batch sets it, and squeezing. */
import { traceError } from '../spec/issue.js';
import { zeros } from './init.js';
import { perChannel } from './layers.js';
import { add, constant, exp, greater, log, mean, mul, neg, reshape, square, stopGradient, sub, transpose, where } from './ops/index.js';
import type { Scope } from './scope.js';
import { currentPlace, type Tensor } from './tensor.js';

/**
 * Space to depth by 2 (Behrmann et al. 2019): the four pixels of a square become channels, all channels of the top left pixel first, then of the top right,
 * the bottom left and the bottom right. f32[N,C,H,W] -> f32[N,4C,H/2,W/2]; it only moves numbers.
 */
export function squeeze(x: Tensor): Tensor {
  const [batch, channels, height, width] = x.dims as readonly [number, number, number, number];
  if (height % 2 !== 0 || width % 2 !== 0) throw traceError(currentPlace() || 'squeeze', `squeezing wants an even height and width; ${x} has ${height} and ${width}`);
  const squares = reshape(x, [batch, channels, height / 2, 2, width / 2, 2]);
  return reshape(transpose(squares, [0, 3, 5, 1, 2, 4]), [batch, 4 * channels, height / 2, width / 2]);
}

/**
 * ActNorm (Kingma and Dhariwal 2018): x exp(s) + t for each channel, s and t set by the first batch in training so that it leaves with mean 0 and variance 1
 * (biased, plus `epsilon`). What that batch set is kept apart from what is learnt: s is the buffer `offset_log_scale` plus the parameter `log_scale` (0 at
 * first), t the buffer `offset_shift` plus `shift`. The buffer `initialised` [1] says whether it has happened: all of it is saved and loaded with the network's
 * state, so that weights that are loaded are never initialised again. Until then evaluation leaves x as it is. f32[N,C,…] -> the same.
 */
export function actNorm(s: Scope, x: Tensor, { epsilon = 1e-5 }: { readonly epsilon?: number } = {}): Tensor {
  const channels = x.dims[1] as number, others = x.dims.map((_, axis) => axis).filter((axis) => axis !== 1);
  const learnt = { scale: s.parameter('log_scale', [channels], zeros), shift: s.parameter('shift', [channels], zeros) };
  const initialised = s.buffer('initialised', [1], zeros), scale0 = s.buffer('offset_log_scale', [channels], zeros), shift0 = s.buffer('offset_shift', [channels], zeros);
  let scale = scale0.value, shift = shift0.value;
  if (s.training) {
    const seen = stopGradient(x), middle = mean(seen, others), variance = mean(square(sub(seen, perChannel(middle, x.rank))), others);
    const fresh = mul(log(add(variance, epsilon)), -0.5), done = greater(initialised.value, 0);
    shift = where(done, shift, neg(mul(middle, exp(fresh))));
    scale = where(done, scale, fresh);
    scale0.next(scale);
    shift0.next(shift);
    initialised.next(constant(1, 'f32', [1]));
  }
  const by = exp(add(scale, learnt.scale)), plus = add(shift, learnt.shift);
  return add(mul(x, perChannel(by, x.rank)), perChannel(plus, x.rank));
}
