/** @file Arithmetic, element by element, with NumPy's broadcasting. */
import { cast } from './choice.js';
import { binary } from './elementwise.js';
import { greaterEqual, less } from './logic.js';
import { neg, log } from './function.js';

export const add = binary('add', { eval: (x, y) => x + y, onnx: 'Add', vjp: (ct) => [ct, ct] });
export const sub = binary('sub', { eval: (x, y) => x - y, onnx: 'Sub', vjp: (ct) => [ct, neg(ct)] });
export const mul = binary('mul', { eval: (x, y) => x * y, onnx: 'Mul', vjp: (ct, x, y) => [mul(ct, y), mul(ct, x)] });
export const div = binary('div', {
  eval: (x, y) => x / y, onnx: 'Div', of: 'real',
  vjp(ct, _x, y, z) {
    const dx = div(ct, y);
    return [dx, neg(mul(dx, z))];
  },
});
/** x^y. The gradient by y wants x > 0. */
export const pow = binary('pow', {
  eval: (x, y) => x ** y, onnx: 'Pow', of: 'real',
  vjp: (ct, x, y, z) => [mul(ct, mul(y, pow(x, sub(y, 1)))), mul(ct, mul(z, log(x)))],
});
/** The larger; where both are equal, the gradient is x's. */
export const maximum = binary('maximum', {
  eval: Math.max, onnx: 'Max',
  vjp: (ct, x, y) => [mul(ct, cast(greaterEqual(x, y), ct.dtype)), mul(ct, cast(less(x, y), ct.dtype))],
});
/** The smaller; where both are equal, the gradient is x's. */
export const minimum = binary('minimum', {
  eval: Math.min, onnx: 'Min',
  vjp: (ct, x, y) => [mul(ct, cast(greaterEqual(y, x), ct.dtype)), mul(ct, cast(less(y, x), ct.dtype))],
});
