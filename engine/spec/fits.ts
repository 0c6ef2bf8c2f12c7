/** @file The editor's net: whether a value of one port type fits an input of another, decided by the compiler. Symbols are left to compose. */
import type { DType } from './tensor-type.js';

type Trim<S extends string> = S extends ` ${infer T}` ? Trim<T> : S extends `${infer T} ` ? Trim<T> : S;
type Split<S extends string> = Trim<S> extends '' ? [] : S extends `${infer Head},${infer Tail}` ? [Trim<Head>, ...Split<Tail>] : [Trim<S>];

/** A spelling taken apart; `never` if it is none. `below` is `''` without a bound. An opaque type has its name for a dtype. */
export type Parse<S extends string> =
  S extends `@${infer Name}[${infer R}]` ? { dtype: `@${Name}`; below: ''; dims: Split<R> }
  : S extends `@${string}` ? { dtype: S; below: ''; dims: [`...${string}`] }
  : S extends `${infer D extends DType}<${infer K}>[${infer R}]` ? { dtype: D; below: Trim<K>; dims: Split<R> }
  : S extends `${infer D extends DType}[${infer R}]` ? { dtype: D; below: ''; dims: Split<R> }
  : never;

/** A type that is only known when the graph is composed (ports computed from a model file). */
type Open<S extends string> = string extends S ? true : S extends `${DType}[${infer R}]` ? (string extends R ? true : false) : `@${string}` extends S ? true : false;

type SizeFits<A extends string, B extends string> =
  A extends `${number}` ? (B extends `${number}` ? (A extends B ? true : false) : true) : true;

type DimsFit<A extends string[], B extends string[]> =
  A extends [`...${string}`, ...string[]] ? true
  : B extends [`...${string}`, ...string[]] ? true
  : A extends [infer X extends string, ...infer XS extends string[]]
    ? B extends [infer Y extends string, ...infer YS extends string[]]
      ? SizeFits<X, Y> extends true ? DimsFit<XS, YS> : `${X} is not ${Y}`
      : 'rank'
    : B extends [] ? true : 'rank';

type Bounded<A extends string, B extends string> =
  B extends '' ? true
  : A extends '' ? `integers without a bound are not integers below ${B}`
  : SizeFits<A, B> extends true ? true : `integers below ${A} are not integers below ${B}`;

type Rank<D extends string[]> = `rank ${D['length']}`;
type RankOrTrue<A extends string[], B extends string[], F> = F extends 'rank' ? `${Rank<A>} is not ${Rank<B>}` : F;

/** `true`, or the sentence to show the author: dtype, rank, literal sizes and bounds; rests fit anything. `@any` takes everything. */
export type Fits<Out extends string, In extends string> =
  In extends '@any' ? true
  : Open<Out> extends true ? true
  : Open<In> extends true ? true
  : Out extends In ? true
  : Out extends `@${string}` ? (In extends `@${string}` ? FitsAlike<Out, In> : 'an opaque value does not fit a tensor port')
  : In extends `@${string}` ? 'a tensor does not fit an opaque port'
  : FitsAlike<Out, In>;

type FitsAlike<Out extends string, In extends string> =
  Parse<Out>['dtype'] extends Parse<In>['dtype']
    ? Bounded<Parse<Out>['below'], Parse<In>['below']> extends infer Bound
      ? Bound extends true ? RankOrTrue<Parse<Out>['dims'], Parse<In>['dims'], DimsFit<Parse<Out>['dims'], Parse<In>['dims']>> : Bound
      : never
    : `${Parse<Out>['dtype']} is not ${Parse<In>['dtype']}`;
