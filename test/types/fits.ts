/** @file The editor's check of one edge, case by case. Compiled, never run. */
import type { Fits } from '../../engine/spec/fits.js';

type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never;
/** Compiles only if the verdict is the one given. */
const verdict = <Out extends string, In extends string, V>(right: Same<Fits<Out, In>, V>) => right;

export const verdicts = [
  verdict<'f32[B,F]', 'f32[N,W]', true>(true),
  verdict<'f32[]', 'f32[]', true>(true),
  verdict<'f32[B, 3]', 'f32[N,3]', true>(true),
  verdict<'f32[B,3]', 'f32[N,1]', '3 is not 1'>(true),
  verdict<'f32[B]', 'i64[B]', 'f32 is not i64'>(true),
  verdict<'f32[B]', 'f32[B,F]', 'rank 1 is not rank 2'>(true),
  verdict<'f32[B,C,R,R]', 'f32[N,...S]', true>(true),
  verdict<'f32[B,...S]', 'f32[N,3,8,8]', true>(true),
  verdict<'f32[]', 'f32[...S]', true>(true),
  verdict<'i64<10>[B]', 'i64[N]', true>(true),
  verdict<'i64<10>[B]', 'i64<K>[N]', true>(true),
  verdict<'i64<10>[B]', 'i64<5>[N]', 'integers below 10 are not integers below 5'>(true),
  verdict<'i64[B]', 'i64<K>[N]', 'integers without a bound are not integers below K'>(true),
  verdict<'@weights', '@weights', true>(true),
  verdict<'@weights', '@table', '@weights is not @table'>(true),
  verdict<'@weights', '@any', true>(true),
  verdict<'@dataset[L,2]', '@dataset[L,...S]', true>(true),
  verdict<'@dataset[L,2]', '@dataset', true>(true),
  verdict<'@dataset', '@dataset[L,2]', true>(true),
  verdict<'@dataset[L,2]', '@dataset[L,3]', '2 is not 3'>(true),
  verdict<'@dataset[L,2]', '@weights[L,2]', '@dataset is not @weights'>(true),
  verdict<'f32[B]', '@any', true>(true),
  verdict<'@weights', 'f32[B]', 'an opaque value does not fit a tensor port'>(true),
];
// @ts-expect-error a verdict that is wrong does not compile, so the lines above say something
export const wrong = verdict<'f32[B]', 'f32[B]', 'no'>(true);
