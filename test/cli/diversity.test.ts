/** @file `gantry diversity`: what it refuses, with exit code 2 and before it samples anything. */
import { createFolder, type Folder } from './fixture.js';

let folder: Folder;
beforeAll(() => { folder = createFolder(); });
afterAll(() => folder.remove());

test('what can not be sampled or scored says why, with exit code 2', async () => {
  const [unnamed, absent, odd, json] = await Promise.all([
    folder.gantry('diversity', 'nowhere'), folder.gantry('diversity', 'nowhere', '--classifier', 'cifar10-resnet20'),
    folder.gantry('diversity', 'nowhere', '--classifier', 'cifar10-resnet20', '--classes', '3,x'), folder.gantry('diversity', 'nowhere', '--classifier', '{"model":'),
  ]);
  expect(unnamed).toMatchObject({ code: 2, err: expect.stringContaining('--classifier') });
  expect(absent).toMatchObject({ code: 2, err: expect.stringMatching(/nowhere|cifar10-resnet20/) });
  expect(odd).toMatchObject({ code: 2, err: expect.stringContaining('--classes: "x" is no class') });
  expect(json).toMatchObject({ code: 2, err: expect.stringContaining('--classifier: it is no JSON') });
});
