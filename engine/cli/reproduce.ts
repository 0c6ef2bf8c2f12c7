/** @file `gantry reproduce TABLE`: reruns cells of a paper's table, and prints ours beside theirs. */
import { isAbsolute, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { read } from '../dataflow/load.js';
import { pluginsIn } from '../registry/graph-plugins.js';
import { PACKAGE } from '../registry/paths.js';
import { inputError } from '../spec/issue.js';
import { near } from '../spec/near.js';
import type { Metrics } from '../spec/picture.js';
import type { Estimate, Table, TableRow } from '../training/table.js';
import { command, device, deviceOf, emit, say, whole, type DeviceOptions } from './command.js';
import { graph as graphOptions, type GraphOptions } from './graph.js';
import { openEngine } from './open-engine.js';
import { STOPPED, stopOnSignals } from './stop.js';

interface Options extends GraphOptions, DeviceOptions {
  readonly trials?: number;
  readonly cells?: string;
  readonly out: string;
  readonly waves?: number;
}

/** Our estimate of a cell, and how many trials it rests on. */
type Ours = Estimate & { readonly trials: number };

export const reproduceCommand = (): Command =>
  graphOptions(device(command('reproduce [table]', "Rerun cells of a paper's table and print ours beside theirs. Stopped or killed, it goes on where it was.", [
    ['gantry reproduce', 'the tables at hand'],
    ['gantry reproduce self-cond-table1 --trials 3', 'all its cells, seeds 1 to 3'],
    ['gantry reproduce self-cond-table1 --cells grid,ring/gan', 'rows whose data or method match'],
    ['gantry reproduce ic-gan-flowers --set data.config.path=photos', 'with a setting of every row changed: another folder'],
  ])))
    .option('--trials <n>', "runs a cell, with the seeds 1, 2, … (the table's)", whole(1))
    .option('--cells <patterns>', 'only these rows: parts of data, method or data/method, separated by commas')
    .option('--out <dir>', 'where the runs are kept', 'runs/reproduce')
    .option('--waves <n>', "waves of each run (the graphs'); another length is another experiment", whole(1))
    .action(async (name: string | undefined, options: Options) => {
      const engine = await openEngine(options, deviceOf(options));
      const tables = engine.parts<Table>('table');
      if (name === undefined) {
        for (const { value, plugin } of tables) options.json ? emit({ type: 'table', name: value.name, about: value.about, source: value.source, plugin }) : say(`${value.name}  ${value.about}`, false);
        return;
      }
      const table = tables.find((part) => part.name === name)?.value;
      if (!table) throw unknownTable(name, tables.map((part) => part.name));
      const rows = choose(table, options.cells);
      const stop = stopOnSignals();
      const done: { readonly row: TableRow; readonly ours: ReadonlyMap<string, Ours | undefined> }[] = [];
      try {
        for (const row of rows) {
          const trials: Metrics[] = [], { why, graph } = row;
          for (let seed = 1; seed <= (why || !graph ? 0 : options.trials ?? table.trials); seed++) {
            const metrics = await trial(table, row, graph!, seed, options, stop.signal);
            if (!metrics) { process.exitCode = STOPPED; return; }
            trials.push(metrics);
          }
          const ours = new Map(table.metrics.map((metric) => [metric.name, estimate(trials, metric)]));
          for (const metric of table.metrics) if (trials.length && !ours.get(metric.name) && isDue(row, metric, trials)) say(`${row.row} on ${row.data}: no run gave a finite ${metric.from}`, true);
          done.push({ row, ours });
          if (options.json) for (const { name: metric } of table.metrics) if (row.paper[metric] || ours.get(metric)) emit({ table: table.name, row: row.row, data: row.data, metric, ours: ours.get(metric) ?? null, paper: row.paper[metric] ?? null, ...(why && { why }) });
        }
      } finally {
        stop.release();
      }
      if (!options.json) process.stdout.write(`${format(table, done)}\n`);
    });

function unknownTable(name: string, names: readonly string[]): Error {
  const meant = near(name, names);
  return inputError(`table "${name}"`, `there is none of this name; at hand: ${names.join(', ') || 'none'}`, meant ? { try: meant } : {});
}

const slug = (text: string): string => text.toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '');
const addressOf = ({ data, row }: TableRow): string => `${slug(data)}/${slug(row)}`;

/** Whether a row's runs should give a metric: the paper has it, or they do, be it no number. Rows of other data have other metrics. */
const isDue = ({ paper }: TableRow, { name, from }: Table['metrics'][number], trials: readonly Metrics[]): boolean =>
  from !== undefined && (paper[name] !== undefined || trials.some((metrics) => from in metrics));

/** The rows that the patterns name: `grid`, `gan`, `grid/gan`. A pattern that is a whole name takes only rows of that name. */
function choose(table: Table, patterns: string | undefined): readonly TableRow[] {
  if (patterns === undefined) return table.rows;
  const chosen = new Set<TableRow>();
  for (const pattern of patterns.split(',')) {
    const wanted = pattern.split('/').map(slug).join('/');
    const exact = table.rows.filter((row) => [addressOf(row), slug(row.data), slug(row.row)].includes(wanted));
    const matching = exact.length ? exact : table.rows.filter((row) => addressOf(row).includes(wanted));
    if (!wanted || !matching.length) throw inputError(`--cells ${pattern}`, `no row matches; rows are ${table.rows.map(addressOf).join(', ')}`);
    for (const row of matching) chosen.add(row);
  }
  return table.rows.filter((row) => chosen.has(row));
}

/** One run of a row's graph, or the rest of it, or what it gave if it is finished. `undefined` if it was stopped. */
async function trial(table: Table, row: TableRow, graph: string, seed: number, options: Options, signal: AbortSignal): Promise<Metrics | undefined> {
  const [{ runGraph }, { createConsole }, { holdsRun }] = await Promise.all([
    import('../registry/run-graph.js'), import('../journal/console.js'), import('../journal/run-directory.js'),
  ]);
  const sets = Object.entries(row.set ?? {}).map(([path, value]) => `${path}=${JSON.stringify(value)}`);
  const loaded = await read(isAbsolute(graph) ? graph : join(PACKAGE, graph), [...sets, ...options.set]);
  const out = join(options.out, table.name, addressOf(row), `seed-${seed}${options.waves ? `-${options.waves}-waves` : ''}`);
  say(`${row.row} on ${row.data}, seed ${seed}: ${out}`, true);
  // A host of its own for each run: nothing that one leaves behind weighs on the next.
  const engine = await openEngine(options, { ...deviceOf(options), plugins: pluginsIn(loaded) });
  try {
    const result = await runGraph(engine, loaded, {
      out: resolve(out), resume: await holdsRun(out), seed, signal, console: createConsole(), command: process.argv.slice(2),
      ...(options.waves && { waves: options.waves }),
    });
    return result.type === 'stopped' ? undefined : result.metrics;
  } finally {
    await engine.close();
  }
}

/** Mean and its standard error over the trials that gave the metric; one trial has no error, and none no estimate. */
function estimate(trials: readonly Metrics[], { from, scale = 1 }: Table['metrics'][number]): Ours | undefined {
  const values = trials.map((metrics) => metrics[from ?? '']).flatMap((value) => (value !== undefined && Number.isFinite(value) ? [value * scale] : [])), n = values.length;
  if (!n) return undefined;
  const mean = values.reduce((a, b) => a + b, 0) / n;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1);
  return { mean, ...(n > 1 && { se: Math.sqrt(variance / n) }), trials: n };
}

/** The table as Markdown: ours over theirs, where there are any; below it, which rows were not run, and why. */
function format(table: Table, done: readonly { readonly row: TableRow; readonly ours: ReadonlyMap<string, Ours | undefined> }[]): string {
  const spell = (value: Estimate | undefined, digits = 3): string => {
    const spread = value?.se ?? value?.sd;
    return value === undefined ? '–' : `${value.mean.toFixed(digits)}${spread === undefined ? '' : ` ± ${spread.toFixed(digits)}`}`;
  };
  const metrics = table.metrics.filter(({ name }) => done.some(({ row, ours }) => row.paper[name] || ours.get(name)));
  const lines = done.flatMap(({ row, ours }) => [
    [row.row, row.data, row.why ? 'ours: not run' : `ours (${Math.max(...[...ours.values()].map((one) => one?.trials ?? 0))})`, ...metrics.map((metric) => spell(ours.get(metric.name), metric.digits))],
    ...(Object.keys(row.paper).length ? [['', '', 'paper', ...metrics.map((metric) => spell(row.paper[metric.name], metric.digits))]] : []),
  ]);
  const all = [['', 'data', '', ...metrics.map((metric) => metric.name)], ...lines];
  const widths = all[0]!.map((_, column) => Math.max(...all.map((line) => line[column]!.length)));
  const [head, ...body] = all.map((line) => `| ${line.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`);
  const reasons = new Map<string, string[]>();
  for (const { row } of done) if (row.why) reasons.set(row.why, [...(reasons.get(row.why) ?? []), row.graph ? `${row.row} on ${row.data} (${row.graph})` : `${row.row} on ${row.data}`]);
  const notes = [...reasons].flatMap(([why, rows]) => ['', `${why}: ${rows.join('; ')}`]);
  return [`${table.name}: ${table.source}`, '', head, `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`, ...body, ...notes].join('\n');
}
