/** @file `gantry evaluate`: a table for people, a line a metric for machines, and exit codes. */
import path from 'node:path';
import { createFolder, type Folder } from './fixture.js';
import { shared, whenShared } from '../plugins/rig.js';

let folder: Folder;
beforeAll(() => { folder = createFolder(); });
afterAll(() => folder.remove());

const photos = path.join(shared, 'data/photos/flowers_original_size');

whenShared('judges a folder of photos against another, by lines or by a table', async () => {
  const args = ['evaluate', photos, '--against', photos, '--extractor', 'cifar10-resnet20', '--classifier', 'cifar10-resnet20', '--resolution', '32'];
  const { code, events } = await folder.gantry(...args, '--json');
  expect(code).toBe(0);
  const metrics = events.filter(({ type }) => type === 'metric');
  expect(metrics.map(({ metric }) => metric)).toEqual(['frechet', 'precision', 'recall', 'density', 'coverage', 'score']);
  expect(metrics[0]).toEqual({ type: 'metric', metric: 'frechet', mean: expect.closeTo(0, 5), values: [expect.closeTo(0, 5)] });
  expect(events.at(-1)).toMatchObject({ type: 'evaluated', subject: photos, count: 20, extractor: 'cifar10-resnet20', metrics: { precision: 1, coverage: 1 } });
  const table = await folder.gantry(...args, '--metrics', 'prdc', '--count', '10');
  expect(table).toMatchObject({ code: 0, out: expect.stringMatching(/10 images against 20 of .*, features of cifar10-resnet20\n {2}precision +1\.000\n/) });
});

test('what can not be judged says why, with exit code 2', async () => {
  const [absent, unnamed, json] = await Promise.all([
    folder.gantry('evaluate', 'nowhere', '--extractor', 'cifar10-resnet20', '--metrics', 'fid'),
    folder.gantry('evaluate', '.'), folder.gantry('evaluate', '.', '--extractor', '{"model":'),
  ]);
  expect(absent).toMatchObject({ code: 2, err: expect.stringContaining('there is no metric fid; at hand: frechet, prdc, score, similarity') });
  expect(unnamed).toMatchObject({ code: 2, err: expect.stringContaining('--extractor') });
  expect(json).toMatchObject({ code: 2, err: expect.stringContaining('--extractor: it is no JSON') });
});
