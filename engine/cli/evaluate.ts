/** @file `gantry evaluate RUN|FOLDER`: metrics of a run's samples, or of a folder of images, against real images. */
import { Option, type Command } from 'commander';
import type { Evaluation } from '../registry/evaluation.js';
import type { Evaluated } from '../registry/judge.js';
import { pluginsAt } from '../registry/graph-plugins.js';
import { inputError } from '../spec/issue.js';
import { command, device, deviceOf, emit, whole, type DeviceOptions, type SharedOptions } from './command.js';
import { openEngine } from './open-engine.js';
import { stoppable } from './stop.js';

interface Options extends SharedOptions, DeviceOptions {
  readonly against?: string;
  readonly extractor: string;
  readonly classifier?: string;
  readonly metrics?: string;
  readonly count?: number;
  readonly seeds: number;
  readonly seed: number;
  readonly batch: number;
  readonly resolution?: number;
  readonly strata?: 'paper' | 'code';
}

export const evaluateCommand = (): Command =>
  device(command('evaluate <subject>', "Judge a run's samples, or a folder of images, against real images in the features of a frozen model.", [
    ['gantry evaluate runs/flowers-1 --extractor tiny-darknet', "five sets of samples against the run's own data"],
    ['gantry evaluate samples --against photos --extractor tiny-darknet --metrics frechet,prdc', 'a folder against a folder'],
    ['gantry evaluate runs/a --against runs/b --extractor my.onnx --classifier cifar10-resnet56', "another run's data, and an Inception-like score"],
    [`gantry evaluate runs/a --extractor '{"model":"my.onnx","output":"pool","mean":[0.5,0.5,0.5]}'`, 'a model with settings, as in a graph'],
  ]))
    .requiredOption('--extractor <model>', 'the model that judges: a name, an ONNX file, or JSON settings of an extractor node')
    .option('--against <real>', "a run or a graph file (their data), or a folder of images (the run's own data)")
    .option('--classifier <model>', 'the model of the Inception-like score, spelled as --extractor')
    .option('--metrics <names>', 'frechet, prdc, score, similarity, … separated by commas (all that can be computed)')
    .option('--count <n>', 'generated images of each set (as many as real ones, 50000 at most)', whole(2))
    .option('--seeds <n>', "sets of a run's samples, for mean and deviation", whole(1), 5)
    .option('--seed <n>', 'key of latents and conditions', whole(0), 0)
    .option('--batch <n>', 'images in one call of the generator', whole(1), 64)
    .option('--resolution <n>', "side that a folder's images are cropped and resized to (that of the other side, else 256)", whole(1))
    .addOption(new Option('--strata <borders>', 'judge classes with many, medium and few training images apart, too, with the borders of the paper or of its code').choices(['paper', 'code']))
    .action(async (subject: string, { metrics, extractor, classifier, ...options }: Options) => {
      const [{ createConsole }, { evaluate }] = await Promise.all([import('../journal/console.js'), import('../registry/evaluation.js')]);
      const console = createConsole({ json: options.json });
      const engine = await openEngine(options, { ...deviceOf(options), console, plugins: (await Promise.all([subject, ...(options.against === undefined ? [] : [options.against])].map(pluginsAt))).flat() });
      try {
        await stoppable(async (signal) => {
          const found = await evaluate(engine, subject, {
            ...options, extractor: settingsOf(extractor, '--extractor'), classifier: classifier === undefined ? undefined : settingsOf(classifier, '--classifier'),
            metrics: metrics?.split(',').map((name) => name.trim()), signal,
          });
          if (options.json) for (const event of eventsOf(subject, found)) emit(event);
          else process.stdout.write(`${format(subject, found)}\n`);
        });
      } finally {
        await engine.close();
      }
    });

/** Settings of a model as options spell them: a name, a file, or JSON. Throws an InputError for what is no JSON. */
export function settingsOf(text: string, where: string): object {
  if (!text.trimStart().startsWith('{')) return { model: text };
  try { return JSON.parse(text) as object; } catch (error) { throw inputError(where, `it is no JSON: ${(error as Error).message}`); }
}

/** Mean and deviation (divided by n - 1) over the sets; one set has no deviation. */
export function summary({ values }: Evaluated): { readonly mean: number; readonly sd?: number } {
  const n = values.length, mean = values.reduce((a, b) => a + b, 0) / n;
  return { mean, ...(n > 1 && { sd: Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1)) }) };
}

function eventsOf(subject: string, { numbers, ...about }: Evaluation): readonly object[] {
  const lines = numbers.map((one) => ({ type: 'metric', metric: one.metric, ...summary(one), values: one.values }));
  return [...lines, { type: 'evaluated', subject, ...about, metrics: Object.fromEntries(numbers.map((one) => [one.metric, summary(one).mean])) }];
}

function format(subject: string, { numbers, count, real, extractor }: Evaluation): string {
  const sets = Math.max(...numbers.map(({ values }) => values.length));
  const spell = (value: number) => (Math.abs(value) >= 100 ? value.toFixed(1) : value.toPrecision(4));
  const lines = numbers.map((one) => { const { mean, sd } = summary(one); return [one.metric, spell(mean), sd === undefined ? '' : `± ${sd.toPrecision(2)}`]; });
  const widths = [0, 1, 2].map((column) => Math.max(...lines.map((line) => line[column]!.length)));
  return [
    `${subject}: ${sets === 1 ? '' : `${sets} sets of `}${count} images against ${real.count} of ${real.name}, features of ${extractor}`,
    ...lines.map(([name, mean, sd]) => `  ${name!.padEnd(widths[0]!)}  ${mean!.padStart(widths[1]!)}  ${sd}`.trimEnd()),
  ].join('\n');
}
