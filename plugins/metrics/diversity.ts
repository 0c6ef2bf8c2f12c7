/** @file `picture/diversity`: of many images those that a classifier is surest of, class by class: how much do they differ? (Self-Conditioned GAN, its sheets of one class.) */
import { z } from 'zod';
import { defineNode, fetched, highest, inputError, rankedGrid, rowsAt, type Ranked, type Services, type TensorValue, type Tensorial } from '../../engine/index.js';

/** Images f32[N,C,H,W] and their class scores f32[N,K]. */
interface Scored { readonly image: TensorValue; readonly score: TensorValue }

const FIRST = 10;

/** The `count` images of the highest scores for a class, in order; fewer if there are no more. */
export function best({ image, score: { dims: [n = 0, k = 0], data } }: Scored, label: number, count: number): Omit<Ranked, 'name'> {
  const own = Float32Array.from({ length: n }, (_, i) => data[i * k + label] as number), indices = highest(own, count);
  return { images: rowsAt(image, Array.from({ length: count }, (_, i) => indices[i] ?? -1)), scores: indices.map((i) => own[i]!) };
}

export const diversity = defineNode({
  name: 'picture/diversity',
  about: 'Of many images, those that a classifier scores highest for a class, in order, a row for each class, and real images in a row of their own below.',
  config: z.strictObject({
    title: z.string().default('the images that a classifier is surest of, by class'),
    classes: z.array(z.int().nonnegative()).min(1).optional().describe('Classes shown, by their index among the scores; the first ten unless given.'),
    count: z.int().min(1).default(20).describe('Images in a row.'),
  }),
  inputs: { image: 'f32[N,C,H,W]', score: 'f32[N,K]', 'real?': 'f32[M,C,H,W]', 'realScore?': 'f32[M,K]' },
  outputs: { picture: '@picture' },
  check({ classes = [] }, { node, wired, type }) {
    const lacks = wired('real') ? 'realScore' : 'real', has = lacks === 'real' ? 'realScore' : 'real', k = type('score').dims[1], stray = classes.find((c) => typeof k === 'number' && c >= k);
    if (wired(has) && !wired(lacks)) throw inputError(`nodes.${node}.in.${lacks}`, `it is not wired, and ${has} is: real images go with their scores`);
    if (stray !== undefined) throw inputError(`nodes.${node}.config.classes`, `there is no class ${stray}; the scores have 0 to ${(k as number) - 1}`);
  },
  start: ({ title, classes, count }) => ({
    state: {},
    async step(state, { image, score, real, realScore }, { services }) {
      const fake = await scored(services, image, score), truth = real && realScore && await scored(services, real, realScore);
      const shown = classes ?? Array.from({ length: Math.min(FIRST, fake.score.dims[1]!) }, (_, c) => c);
      const rows = shown.flatMap((label) => [{ name: `class ${label}`, ...best(fake, label, count) }, ...(truth ? [{ name: 'real', ...best(truth, label, count) }] : [])]);
      return { state, outputs: { picture: rankedGrid(title, rows, count) } };
    },
  }),
});

const scored = async (services: Services, image: Tensorial, score: Tensorial): Promise<Scored> => ({ image: await fetched(services, image), score: await fetched(services, score) });
