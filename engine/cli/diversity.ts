/** @file `gantry diversity RUN…`: runs beside each other and beside real images, by what a classifier is surest of in each. */
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { pluginsAt } from '../registry/graph-plugins.js';
import { inputError } from '../spec/issue.js';
import { command, device, deviceOf, emit, say, whole, type DeviceOptions, type SharedOptions } from './command.js';
import { settingsOf } from './evaluate.js';
import { openEngine } from './open-engine.js';
import { stoppable } from './stop.js';

interface Options extends SharedOptions, DeviceOptions {
  readonly classifier: string;
  readonly classes?: string;
  readonly count: number;
  readonly of: number;
  readonly seed: number;
  readonly batch: number;
  readonly out: string;
}

export const diversityCommand = (): Command =>
  device(command('diversity <runs...>', 'Of a large sample of each run, and of real images, those that a classifier scores highest for a class, in order: a sheet for each class.', [
    ['gantry diversity runs/cifar10-1 runs/cifar10-gan-1 runs/cifar10-pacgan-2-1 --classifier cifar10-resnet56', 'ours beside GAN, PacGAN2 and the data of the first'],
    ['gantry diversity runs/cifar10-1 --classifier cifar10-resnet56 --classes 3,7 --of 50000', 'two classes, of a larger sample'],
  ]))
    .requiredOption('--classifier <model>', 'the model that scores: a name, an ONNX file, or JSON settings of an extractor node')
    .option('--classes <labels>', 'classes such as 3 or 3,7 (all of the classifier)')
    .option('--count <n>', 'images in a row', whole(1), 20)
    .option('--of <n>', 'images that they are the best of, of each run', whole(1), 10_000)
    .option('--seed <n>', 'key of latents and conditions', whole(0), 0)
    .option('--batch <n>', 'images in one call of a generator', whole(1), 64)
    .option('--out <dir>', 'folder to write to', 'diversity')
    .action(async (runs: readonly string[], { classifier, classes, ...options }: Options) => {
      const labels = classes?.split(',').map((word) => {
        if (!/^\s*\d+\s*$/.test(word)) throw inputError('--classes', `"${word}" is no class`, { try: '--classes 3,7' });
        return Number(word);
      });
      const out = resolve(options.out), [{ createConsole }, { diversity, sheetOf }, { makeWritableFolder, writeAtomically }, { encodePicture }] = await Promise.all([
        import('../journal/console.js'), import('../registry/diversity.js'), import('../journal/atomic.js'), import('../journal/picture.js'),
      ]);
      await makeWritableFolder(out);
      const engine = await openEngine(options, { ...deviceOf(options), console: createConsole({ json: options.json }), plugins: (await Promise.all(runs.map(pluginsAt))).flat() });
      try {
        await stoppable(async (signal) => {
          const sheets = await diversity(engine, runs, { ...options, classifier: settingsOf(classifier, '--classifier'), classes: labels, signal }), files: string[] = [];
          for (const sheet of sheets) {
            const { ending, bytes } = await encodePicture(sheetOf(sheet, options)), file = join(out, `class-${sheet.label}.${ending}`);
            await writeAtomically(file, bytes);
            files.push(file);
            if (options.json) emit({ type: 'sheet', class: sheet.label, file, rows: sheet.rows.map(({ name, scores }) => ({ name, scores })) });
          }
          say(`${files.length} ${files.length === 1 ? 'sheet' : 'sheets'} in ${out}: see ${files[0]}`, options.json);
        });
      } finally {
        await engine.close();
      }
    });
