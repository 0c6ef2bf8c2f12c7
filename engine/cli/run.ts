/** @file `gantry run GRAPH`: runs a graph, or goes on with a run. */
import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { InvalidArgumentError, type Command } from 'commander';
import type { Plan } from '../dataflow/plan.js';
import type { Best } from '../journal/checkpoint.js';
import type { Device } from '../session/host.js';
import { inputError } from '../spec/issue.js';
import { list } from '../spec/near.js';
import { command, device, deviceOf, emit, whole, type DeviceOptions } from './command.js';
import { graph, openGraph, type GraphOptions } from './graph.js';
import { STOPPED, stopOnSignals } from './stop.js';

interface Options extends GraphOptions, DeviceOptions {
  readonly out?: string;
  readonly seed?: number;
  readonly waves?: number;
  /** The run's directory; `true`: the newest run of the graph. */
  readonly resume?: string | true;
  readonly checkpointEvery?: number;
  readonly keep?: number;
  readonly best?: Best;
}

export const runCommand = (): Command =>
  device(graph(command('run [graph]', 'Run a graph, or go on with a run. Ctrl-C stops and saves; a second one ends at once.', [
    ['gantry run graphs/self-conditioned-gan/grid.json', 'train on the grid of 25 Gaussians'],
    ['gantry run my.json --set data.config.path=digits --seed 3 --out runs/third', 'another setting, another seed'],
    ['gantry run --resume runs/grid-1', 'go on where it stopped'],
    ['gantry run my.json --resume', 'go on with the newest run of my.json'],
  ])))
    .option('--out <dir>', "the run's directory (runs/<graph>-<n>)")
    .option('--seed <n>', "key of all randomness (the graph's, else 1)", whole(0))
    .option('--waves <n>', "waves in all (the graph's)", whole(1))
    .option('--resume [run]', 'go on from the newest checkpoint of a run directory')
    .option('--checkpoint-every <waves>', "a checkpoint every so many waves (a tenth of the graph's, 1000 at most)", whole(1))
    .option('--keep <n>', 'checkpoints that stay (3)', whole(1))
    .option('--best <metric[:min|max]>', 'a metric, node.name, whose best checkpoint stays, too', bestOf)
    .action(async (given: string | undefined, options: Options) => {
      const { file, out, resume, device: before } = await place(given, options);
      const { loaded, engine } = await openGraph(file, options, { ...(before && { device: before }), ...deviceOf(options) });
      // Nobody waits for rxjs, nor for what encodes models, before the graph composes.
      const plan = await engine.compose(loaded);
      if (options.best) requireMetrics(plan, options.best);
      const [{ runGraph }, { createConsole }] = await Promise.all([import('../registry/run-graph.js'), import('../journal/console.js')]);
      const console = createConsole({ json: options.json, images: imagesOf(plan) });
      const stop = stopOnSignals();
      try {
        const { seed, waves, keep, checkpointEvery: every, best } = options;
        const result = await runGraph(engine, loaded, {
          resume, console, signal: stop.signal, command: process.argv.slice(2),
          ...(out && { out }), ...(seed !== undefined && { seed }), ...(waves && { waves }),
          checkpoints: { ...(every && { every }), ...(keep && { keep }), ...(best && { best }) },
        });
        if (result.already) {
          process.stderr.write(`${result.out} is finished: all its ${result.waves} waves are done\n`);
          if (options.json) emit({ type: 'finished', waves: result.waves, out: result.out, metrics: result.metrics });
        } else if (result.type === 'stopped') {
          process.stderr.write(`go on with: gantry run --resume ${result.out}\n`);
          process.exitCode = STOPPED;
        } else {
          process.stderr.write(`see ${join(result.out, 'report.html')}\n`);
        }
      } finally {
        stop.release();
        await engine.close();
      }
    });

function bestOf(text: string): Best {
  const [metric = '', direction = 'min', ...rest] = text.split(':');
  if (!metric.includes('.') || rest.length || (direction !== 'min' && direction !== 'max')) throw new InvalidArgumentError('It wants node.name, node.name:min or node.name:max.');
  return { metric, direction };
}

/** A metric's name is known when it comes; that its node gives metrics is known before. */
function requireMetrics(plan: Plan, { metric }: Best): void {
  const giving = plan.nodes.filter(({ outputs }) => Object.values(outputs).includes('@metrics')).map(({ id }) => id);
  if (!giving.includes(metric.slice(0, metric.indexOf('.')))) throw inputError(`--best ${metric}`, `it wants node.name, and nodes with metrics are ${list(giving)}`);
}

interface Place {
  readonly file: string;
  readonly out?: string;
  readonly resume: boolean;
  /** Where the run was computed before. */
  readonly device?: Device;
}

/** The graph file and the directory that the arguments mean. A resumed run brings its own graph. */
async function place(given: string | undefined, { resume, out }: Options): Promise<Place> {
  // `--resume my.json` reads as if my.json were the run.
  const file = given ?? (typeof resume === 'string' && resume.endsWith('.json') ? resume : undefined);
  const run = resume === true || resume === file ? undefined : resume;
  if (resume === undefined) {
    if (!file) throw inputError('gantry run', 'a graph file is missing', { try: 'gantry run graphs/self-conditioned-gan/grid.json' });
    return { file, resume: false, ...(out && { out }) };
  }
  if (run && out && run !== out) throw inputError('--out', `${out} is not ${run}: a resumed run stays where it is`);
  const directory = run ?? out ?? (file && await newestRun(file));
  if (!directory) throw inputError('--resume', 'which run? name its directory, or its graph', { try: 'gantry run --resume runs/grid-1' });
  const { layoutOf, readRunRecord } = await import('../journal/run-directory.js');
  const layout = layoutOf(directory), record = await readRunRecord(layout);
  return { file: file ?? layout.graph, out: directory, resume: true, device: record.device as Device };
}

/** The run of a graph with the highest number. */
async function newestRun(file: string): Promise<string> {
  const name = basename(file, '.json');
  const numbers = (await readdir('runs').catch(() => [])).flatMap((folder) => {
    const [, number] = folder.startsWith(`${name}-`) ? /^-(\d+)$/.exec(folder.slice(name.length)) ?? [] : [];
    return number ? [Number(number)] : [];
  });
  if (!numbers.length) throw inputError('--resume', `there is no run of ${name} in runs/`, { try: `gantry run ${file}` });
  return join('runs', `${name}-${Math.max(...numbers)}`);
}

/** Images that a wave trains on: the batches of the training nodes. */
const imagesOf = (plan: Plan): number =>
  plan.nodes.filter(({ type }) => type.name.startsWith('train/')).reduce((sum, { id }) => sum + (plan.size(id, 'B') ?? 0), 0);
