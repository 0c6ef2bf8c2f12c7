/** @file A whole run: compose, claim a directory, run or resume, journal and checkpoint on the way, and leave the generator and the report behind. */
import { createRequire } from 'node:module';
import { readFile, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { RunEvent } from '../dataflow/events.js';
import type { Graph } from '../dataflow/graph.js';
import type { Plan } from '../dataflow/plan.js';
import { run } from '../dataflow/run.js';
import type { Snapshot } from '../dataflow/snapshot.js';
import { writeAtomically } from '../journal/atomic.js';
import { checkpointMetrics, loadCheckpoint, makeCheckpointFolder, newestCheckpoint, pruneCheckpoints, saveCheckpoint, type Best } from '../journal/checkpoint.js';
import type { Console } from '../journal/console.js';
import { drawingOf } from '../journal/draw.js';
import { createJournal, type Journal } from '../journal/journal.js';
import { writeReport } from '../journal/report.js';
import { claimRunDirectory, createRunDirectory, holdsRun, readRunRecord, writeRunRecord, type RunDirectory, type RunRecord } from '../journal/run-directory.js';
import { GantryError, inputError } from '../spec/issue.js';
import type { Metrics } from '../spec/picture.js';
import { exportGenerators, latestWeights, type LatestWeights } from './generators.js';
import type { Engine, Loaded } from './engine.js';
import { differences, hashGraph, resolvedGraph } from './resolved-graph.js';

export interface RunOptions {
  /** The run's directory; `runs/<graph>-<n>` unless it says otherwise. */
  readonly out?: string;
  /** Goes on with the run that `out` holds, from its newest checkpoint. */
  readonly resume?: boolean;
  /** Key of all randomness; the graph's, else 1. */
  readonly seed?: number;
  /** Waves in all; the graph's unless it says otherwise. */
  readonly waves?: number;
  /** A checkpoint every so many waves. A tenth of the graph's length, 1000 at most, unless it says otherwise. */
  readonly every?: number;
  /** Checkpoints that stay besides the best; 3. */
  readonly keep?: number;
  /** Which checkpoint is the best. */
  readonly best?: Best;
  /** Asks the run to stop: the last completed wave is saved. */
  readonly signal?: AbortSignal;
  readonly console?: Console;
  /** The command as it was typed, for the record. */
  readonly command?: readonly string[];
}

export interface RunResult {
  readonly type: 'finished' | 'stopped';
  /** Completed waves. */
  readonly waves: number;
  /** The run was finished before: nothing was done. */
  readonly already: boolean;
  /** The run's directory. */
  readonly out: string;
  /** The last value of each metric, by `node.name`. */
  readonly metrics: Metrics;
}

const KEEP = 3;
const LONGEST_INTERVAL = 1000;

/** Runs a graph. Throws a GraphError for one that does not compose, an InputError for a directory that can't be used, and what a step fails with. */
export async function runGraph(engine: Engine, loaded: Loaded, options: RunOptions = {}): Promise<RunResult> {
  const { graph, file } = loaded;
  const plan = await engine.compose(loaded);
  const waves = options.waves ?? graph.waves;
  if (waves === undefined) throw inputError(file ?? 'the graph', 'it does not say how many waves a run has', { try: '"waves": 1000 in it, or --waves 1000' });
  const seed = options.seed ?? graph.seed ?? 1;
  const resolved = resolvedGraph(graph, plan, seed, file);
  const directory = await openDirectory(resolved, file, options);
  let begun = false;
  try {
    const record = await recordRun(engine, resolved, directory, seed, file, options);
    const hash = hashGraph(resolved);
    const newest = options.resume ? await newestCheckpoint(directory.checkpoints) : undefined;
    const journal = createJournal({
      directory: directory.path,
      portType: (node, port) => { const type = plan.type(node, port); return typeof type === 'string' ? type : undefined; },
      onMetrics: (line) => options.console?.metrics(line),
    });
    if (options.resume) await journal.cutBack(newest?.waves ?? 0);
    if (newest && newest.waves >= waves) return { type: 'finished', waves: newest.waves, already: true, out: directory.path, metrics: await checkpointMetrics(newest) };
    const saved = newest && await loadCheckpoint(newest.path, engine.services.host, { graph: hash });
    if (saved) await writeRunRecord(directory, { ...record, resumed: [...(record.resumed ?? []), { waves: saved.waves, at: new Date(engine.clock.now()).toISOString() }] });
    await makeCheckpointFolder(directory.checkpoints);
    return await go({ engine, plan, resolved, record, seed, waves, saved, hash, directory, journal, options, onBegin: () => { begun = true; } });
  } catch (error) {
    // Nothing happened in a directory that was made for this run: it would only be in the way.
    if (!begun && !options.out) await rm(directory.path, { recursive: true, force: true });
    throw error;
  } finally {
    await directory.release();
  }
}

interface Flow {
  readonly engine: Engine;
  readonly plan: Plan;
  readonly resolved: Graph;
  readonly record: RunRecord;
  readonly seed: number;
  readonly waves: number;
  readonly saved: Snapshot | undefined;
  readonly hash: string;
  readonly directory: RunDirectory;
  readonly journal: Journal;
  readonly options: RunOptions;
  readonly onBegin: () => void;
}

async function go(flow: Flow): Promise<RunResult> {
  const { engine, plan, record, seed, waves, saved, hash, directory, journal, options, onBegin } = flow;
  const { console, keep = KEEP, best, signal } = options;
  const every = options.every ?? Math.min(LONGEST_INTERVAL, Math.max(1, Math.round((plan.waves ?? LONGEST_INTERVAL * 10) / 10)));
  const services = {
    ...engine.services,
    note: (message: string) => { journal.note(message); (console ?? engine.services).note(message); },
    progress: (what: string, done: number, total: number) => (console ?? engine.services).progress(what, done, total),
  };
  let kept = saved?.waves ?? 0;
  const checkpoint = async (snapshot: Snapshot): Promise<void> => {
    await journal.flush();
    await saveCheckpoint(directory.checkpoints, snapshot, { host: services.host, graph: hash, versions: record.versions, metrics: journal.latest });
    kept = snapshot.waves;
    await pruneCheckpoints(directory.checkpoints, keep, best);
  };
  const weights = latestWeights(plan);
  const onEvent = (event: RunEvent): void | Promise<void> => {
    if (event.type === 'started') onBegin();
    journal.record(event);
    console?.record(event);
    if (event.type !== 'wave') return;
    weights.record(event.outputs);
    if (event.completed % every === 0 || event.completed === waves) return checkpoint(event.snapshot);
  };

  const running = run(plan, { waves, seed, services, onEvent, ...(saved && { saved }), ...(signal && { signal }) });
  let failure: { readonly error: unknown } | undefined;
  const end = await running.done.catch((error: unknown) => { failure = { error }; });
  const last = running.snapshot();
  // A failure that left every wave complete (a node that never stepped) still deserves its results.
  if (failure && last?.waves !== waves) throw withCheckpoint(failure.error, kept, directory);
  if (last && last.waves > kept) await checkpoint(last);
  if (last) await leaveResults(flow, weights.of(last), last.waves);
  if (failure) throw failure.error;
  const type = end!.type, metrics = journal.latest, completed = last?.waves ?? kept;
  console?.[type]({ waves: completed, out: directory.path, metrics });
  return { type, waves: completed, already: false, out: directory.path, metrics };
}

/** The generator and the report. */
async function leaveResults({ engine, plan, resolved, record, waves, directory, journal }: Flow, weights: LatestWeights, completed: number): Promise<void> {
  for (const { name, model } of await exportGenerators(weights, engine.services)) await writeAtomically(join(directory.path, name), model);
  await journal.flush();
  await writeReport(directory, {
    record, status: completed < waves ? 'stopped' : 'finished', completed, waves, drawing: drawingOf(plan), graph: resolved, ...(plan.about && { about: plan.about }),
  });
}

/** Names the checkpoint that a failed run can go on from. */
function withCheckpoint(error: unknown, waves: number, { path }: RunDirectory): unknown {
  if (!(error instanceof GantryError)) return error;
  const [first, ...others] = error.issues;
  const line = waves ? `the last good checkpoint is wave ${waves}, in ${join(path, 'checkpoints')}` : `no checkpoint was written yet; the run is in ${path}`;
  const issue = { ...first!, because: [...(first?.because ?? []), line] };
  return new GantryError(error.name, error.where, [issue, ...others], error.exitCode, { cause: error });
}

/** Claims the directory: a new one, or the one of the run to go on with. */
async function openDirectory(resolved: Graph, file: string | undefined, { out, resume }: RunOptions): Promise<RunDirectory> {
  if (!out) return createRunDirectory('runs', file ? basename(file, '.json') : 'run');
  const directory = await claimRunDirectory(out);
  try {
    if (resume) {
      await readRunRecord(directory);
      const found = differences(JSON.parse(await readFile(directory.graph, 'utf8')) as Graph, resolved);
      if (found.length) throw inputError(out, 'the run there is of another graph or seed; resuming wants the same', { because: found, try: `gantry run --resume ${out}, which takes the graph from there` });
    } else if (await holdsRun(out)) {
      throw inputError(out, 'it holds a run already', { try: `--resume ${out} to go on with it, or another --out` });
    }
    return directory;
  } catch (error) {
    await directory.release();
    throw error;
  }
}

/** Writes what runs, or reads it where it is known. */
async function recordRun(engine: Engine, resolved: Graph, directory: RunDirectory, seed: number, file: string | undefined, { resume, command = [] }: RunOptions): Promise<RunRecord> {
  if (resume) return readRunRecord(directory);
  const record: RunRecord = {
    name: file ? basename(file, '.json') : 'run', seed, device: engine.services.host.device, versions: versions(), command,
    started: new Date(engine.clock.now()).toISOString(),
  };
  await writeAtomically(directory.graph, `${JSON.stringify(resolved, null, 2)}\n`);
  await writeRunRecord(directory, record);
  return record;
}

function versions(): Readonly<Record<string, string>> {
  const require = createRequire(import.meta.url);
  const of = (name: string) => (require(name) as { readonly version: string }).version;
  return { gantry: of('../../../package.json'), node: process.versions.node, 'onnxruntime-node': of('onnxruntime-node/package.json') };
}
