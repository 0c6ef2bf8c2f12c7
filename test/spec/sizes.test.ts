/** @file Symbolic sizes: what follows from what, and how a contradiction is explained. */
import { near } from '../../engine/spec/near.js';
import { createSizes, letter, scoped } from '../../engine/spec/sizes.js';

const at = (port: string, ...dims: (number | string)[]) => ({ dims, port });

test('sizes travel along equations in both directions', () => {
  const sizes = createSizes();
  expect(sizes.equate('data.B', 'label.N', 'label.in.image')).toBeUndefined();
  expect(sizes.equate('label.N', 'train.B', 'train.in.label')).toBeUndefined();
  expect(sizes.size('train.B')).toBeUndefined();
  expect(sizes.know('label.N', 64, 'label.config.count')).toBeUndefined();
  expect(['data.B', 'label.N', 'train.B', 'other.B'].map(sizes.size)).toEqual([64, 64, 64, undefined]);
});

test('a contradiction is proven line by line', () => {
  const sizes = createSizes();
  sizes.know('data.R', 32, 'data.config.resolution');
  sizes.equate('data.R', 'crop.R', 'crop.in.image');
  sizes.know('feature.H', 224, 'feature.config');
  expect(sizes.equate('crop.R', 'feature.H', 'feature.in.image')?.because).toEqual([
    'data.R = 32 (data.config.resolution)', 'crop.R = data.R (crop.in.image)', 'feature.H = 224 (feature.config)',
  ]);
  expect(sizes.know('crop.R', 16, 'crop.config')).toEqual([
    'data.R = 32 (data.config.resolution)', 'crop.R = data.R (crop.in.image)', 'crop.R = 16 (crop.config)',
  ]);
  expect(sizes.size('crop.R')).toBe(32);
});

test('a refused equation leaves everything as it was', () => {
  const sizes = createSizes();
  sizes.know('a.X', 1, 'a.config');
  sizes.know('b.X', 2, 'b.config');
  expect(sizes.equate('a.X', 'b.X', 'edge')?.says).toBe('disagrees');
  expect([sizes.size('a.X'), sizes.size('b.X')]).toEqual([1, 2]);
});

test('lists agree in rank and in every size; literals teach symbols', () => {
  const sizes = createSizes();
  expect(sizes.match(at('a.x', 'a.B', 3, 'a.R'), at('b.in.x', 'b.N', 'b.C', 8), 'b.in.x')).toBeUndefined();
  expect([sizes.size('b.C'), sizes.size('a.R')]).toEqual([3, 8]);
  expect(sizes.match(at('a.x', 'a.B'), at('b.in.x', 'b.N', 1), 'e')?.says).toBe('rank 1 is not rank 2');
  expect(sizes.match(at('a.x', 'a.B', 3), at('b.in.x', 'b.N', 1), 'e')?.says).toBe('dimension 1: 3 is not 1');
  expect(sizes.match(at('a.x', 'a.B', 'a.R'), at('c.in.x', 'c.N', 4), 'c.in.x')).toEqual({
    says: 'dimension 1 disagrees', because: ['a.R = 8 (b.in.x)', 'a.R = 4 (c.in.x)'],
  });
});

test('a rest stands for any sizes, and for the same ones everywhere', () => {
  const sizes = createSizes();
  expect(sizes.match(at('data.image', 'data.B', 3, 'data.R', 'data.R'), at('train.in.image', 'train.B', '...train.S'), 'train.in.image')).toBeUndefined();
  sizes.know('data.R', 32, 'data.config.resolution');
  expect(sizes.resolve(['...train.S'])).toEqual([3, 32, 32]);
  expect(sizes.match(at('train.fake', '...train.S'), at('net.in.x', 'net.C', 'net.H', 'net.W'), 'net.in.x')).toBeUndefined();
  expect(sizes.size('net.W')).toBe(32);
  expect(sizes.match(at('train.fake', 'train.B', '...train.S'), at('flat.in.x', 'flat.N', 'flat.F'), 'e')?.says).toBe('rank 4 is not rank 2');
});

test('rests meet rests: equal, nested, with sizes before and behind, and none at all', () => {
  const sizes = createSizes();
  expect(sizes.match(at('a.x', 'a.B', '...a.S'), at('b.in.x', 'b.N', '...b.T'), 'e')).toBeUndefined();
  expect(sizes.match(at('a.x', 'a.B', '...a.S'), at('c.in.x', 'c.N', 'c.C', '...c.U'), 'e')).toBeUndefined();
  expect(sizes.match(at('c.y', '...c.U'), at('d.in.x'), 'e')).toBeUndefined();
  expect(sizes.match(at('d.y', 7), at('b.in.y', '...b.T'), 'e')).toBeUndefined();
  expect(sizes.resolve(['...a.S'])).toEqual([7]);
  expect(sizes.match(at('e.x', '...e.S', 2), at('f.in.x', 5, 6, 2), 'e')).toBeUndefined();
  expect(sizes.resolve(['...e.S'])).toEqual([5, 6]);
  expect(sizes.match(at('g.x', '...g.S'), at('g.in.x', 1, '...g.S'), 'e')?.says).toBe('...S would contain itself');
  expect(sizes.match(at('h.x', 'h.B'), at('i.in.x', 'i.B', 'i.C', '...i.S'), 'e')?.says).toBe('rank 1 is not rank 2 or more');
  expect(sizes.match(at('j.x', '...j.S', 1), at('k.in.x', 2, '...k.S'), 'e')?.says).toBe('two rests in different places can not be compared');
});

test('letters are scoped by node and read back', () => {
  expect(['R', '...S', 3].map((dim) => scoped('data', dim))).toEqual(['data.R', '...data.S', 3]);
  expect(['data.R', '...data.S', 3].map(letter)).toEqual(['R', '...S', 3]);
});

test('the nearest name is offered only if it is near', () => {
  const names = ['data/mixture', 'data/idx', 'train/gan'];
  expect(near('data/mixtrue', names)).toBe('data/mixture');
  expect(near('Train/Gan', names)).toBe('train/gan');
  expect(near('something', names)).toBeUndefined();
  expect(near('lr', ['k', 'rl'])).toBe('rl');
});
