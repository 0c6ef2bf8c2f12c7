/** @file Early stopping: when a metric has not improved for long enough, the run ends, and is finished for whoever resumes it. */
import { createFolder } from '../cli/fixture.js';
import { patience } from '../../plugins/core/patience.js';
import { rig } from './rig.js';

test.each([
  ['lower', [9, 7, 8, 7, 7.5], 2, 3],
  ['lower', [9, 8, 7, 6, 5], 1, undefined],
  ['higher', [1, 2, 2, 3, 1], 1, 2],
] as const)('%s: of %j, patience for %d ends at %p', async (better, values, evaluations, end) => {
  const node = await rig(patience, { metric: 'frechet', better, evaluations });
  let ended: number | undefined;
  for (const [wave, frechet] of values.entries()) {
    const { stop } = await node.step(wave, { metrics: { frechet, other: 0 } });
    if (stop) ended ??= wave;
  }
  expect(ended).toBe(end);
});

test('an unknown metric is named with those that there are', async () => {
  const node = await rig(patience, { metric: 'fid', evaluations: 1 });
  await expect(node.step(0, { metrics: { frechet: 1 } })).rejects.toMatchObject({ exitCode: 2, message: expect.stringContaining('there is no metric fid; there are frechet') });
});

test('a run that ends early says why, and is finished when it is resumed', async () => {
  const folder = createFolder();
  try {
    folder.write('early.json', {
      gantry: 1, plugins: ['./plugin.mjs'], waves: 100,
      nodes: { count: { type: 'test/count' }, stop: { type: 'stop/patience', in: { metrics: 'count.metrics' }, config: { metric: 'n', evaluations: 5 } } },
    });
    const first = await folder.gantry('run', 'early.json', '--out', 'early', '--json');
    expect(first).toMatchObject({ code: 0, err: expect.stringContaining('node "stop" ends the run after 6 waves: n has not been lower than 1 for 5 evaluations') });
    expect(first.events.at(-1)).toMatchObject({ type: 'finished', waves: 6, metrics: { 'count.n': 6 } });
    expect(await folder.gantry('run', '--resume', 'early')).toMatchObject({ code: 0, err: expect.stringContaining('early is finished: all its 6 waves are done') });
  } finally {
    folder.remove();
  }
});
