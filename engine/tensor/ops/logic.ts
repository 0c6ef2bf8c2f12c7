/** @file Comparisons and logic: bool results, no gradient. */
import { binary, unary, type BinaryRule } from './elementwise.js';

const comparison = (name: string, onnx: string, holds: (x: number, y: number) => boolean, of: BinaryRule['of'] = 'number') =>
  binary(name, { eval: (x, y) => Number(holds(x, y)), onnx, of, gives: 'bool' });

export const greater = comparison('greater', 'Greater', (x, y) => x > y);
export const less = comparison('less', 'Less', (x, y) => x < y);
export const equal = comparison('equal', 'Equal', (x, y) => x === y, 'any');
export const greaterEqual = comparison('greaterEqual', 'GreaterOrEqual', (x, y) => x >= y);
export const lessEqual = comparison('lessEqual', 'LessOrEqual', (x, y) => x <= y);
export const and = comparison('and', 'And', (x, y) => x !== 0 && y !== 0, 'bool');
export const or = comparison('or', 'Or', (x, y) => x !== 0 || y !== 0, 'bool');
export const not = unary('not', { eval: (x) => Number(x === 0), onnx: 'Not', of: 'bool' });
