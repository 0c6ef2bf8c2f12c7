/** @file Types as they are spelled, and errors as they are printed. */
import { GantryError, graphError, inputError, stepError } from '../../engine/spec/issue.js';
import { parse, show } from '../../engine/spec/tensor-type.js';
import { tensor } from '../../engine/spec/value.js';

test.each(['f32[]', 'f32[B]', 'i64<10>[B]', 'i64<K>[B]', 'f32[B,3,R,R]', 'bool[...S]', 'u8[N,...S,2]'])('%s is spelled as it is parsed', (spelling) => {
  expect(show(parse(spelling)!)).toBe(spelling);
});

test('spaces are passed over, and what is no type is none', () => {
  expect(parse('f32[B, 3]')).toEqual({ dtype: 'f32', dims: ['B', 3] });
  expect(parse('i64<K>[B]')).toEqual({ dtype: 'i64', dims: ['B'], below: 'K' });
  for (const wrong of ['f32', 'f33[B]', 'f32[B,]', 'f32[B', '@weights', '']) expect({ wrong, parsed: parse(wrong) }).toEqual({ wrong, parsed: undefined });
});

test('a tensor value is what its type says', () => {
  expect(() => tensor('f32', [2], new Float32Array(3))).toThrow('f32[2] wants 2 elements, got 3');
  expect(() => tensor('i64', [1], new Float32Array(1))).toThrow('wants a BigInt64Array');
});

test('errors say where, what and why, then at most one remedy', () => {
  expect(inputError('photos', 'there is no such folder', { because: ['data.config.path = photos'], try: 'another path' }).message).toBe(
    'InputError: photos: there is no such folder\n  because data.config.path = photos\n  try another path');
  expect(stepError('clusters', 'clusterer/k-means', 25000, '42 of 100 clusters are empty').message).toBe(
    'StepError: node "clusters" (clusterer/k-means), wave 25000: 42 of 100 clusters are empty');
  const error = graphError('graphs/x.json', [{ at: 'nodes.a', says: 'one' }, { at: 'nodes.b', says: 'two', because: ['three'], try: 'four' }]);
  expect(error.message).toBe('GraphError: graphs/x.json has 2 issues\n  nodes.a: one\n  nodes.b: two\n    because three\n    try four');
  expect([error instanceof GantryError, error.exitCode]).toEqual([true, 2]);
});
