/** @file A whole run: compose, claim a directory, run or resume, journal and checkpoint on the way, and leave the generator and the report behind. */
import { join } from 'node:path';
import type { RunEvent } from '../dataflow/events.js';
import type { Graph } from '../dataflow/graph.js';
import type { Plan } from '../dataflow/plan.js';
import { run } from '../dataflow/run.js';
import type { Snapshot } from '../dataflow/snapshot.js';
import { makeWritableFolder, writeAtomically } from '../journal/atomic.js';
import { checkpointMetrics, loadCheckpoint, newestCheckpoint, pruneCheckpoints, saveCheckpoint } from '../journal/checkpoint.js';
import type { Console } from '../journal/console.js';
import { drawingOf } from '../journal/draw.js';
import { createJournal, type Journal } from '../journal/journal.js';
import { writeReport, type ReportContent } from '../journal/report.js';
import { readRunRecord, writeRunRecord, type RunDirectory, type RunRecord } from '../journal/run-directory.js';
import { GantryError, inputError } from '../spec/issue.js';
import type { Metrics } from '../spec/picture.js';
import { claimNew, claimResumed, nameOfRun, unclaim } from './claim.js';
import { exportResults, latestResults, type Results } from './results.js';
import type { Engine, Loaded } from './engine.js';
import { hashGraph, resolvedGraph } from './resolved-graph.js';
import { watchStalls } from './stall.js';

type CheckpointSettings = NonNullable<RunRecord['checkpoints']>;

export interface RunOptions {
  /** The run's directory; `runs/<graph>-<n>` unless it says otherwise. */
  readonly out?: string;
  /** Goes on with the run that `out` holds, from its newest checkpoint. */
  readonly resume?: boolean;
  /** Key of all randomness; the graph's, else 1. */
  readonly seed?: number;
  /** Waves in all; those the run was started with, or the graph's, unless it says otherwise. */
  readonly waves?: number;
  /**
   * A checkpoint every so many waves (a tenth of the graph's length, 1000 at most), how many stay (3), and which one stays as the best.
   * A resumed run has those that it was started with.
   */
  readonly checkpoints?: Partial<CheckpointSettings>;
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

/** Runs a graph. Throws a GraphError for one that does not compose, an InputError for a directory that can't be used, and what a step fails with. */
export async function runGraph(engine: Engine, loaded: Loaded, options: RunOptions = {}): Promise<RunResult> {
  const { graph, file } = loaded, { out, resume, console } = options;
  const plan = await engine.compose(loaded);
  const seed = options.seed ?? graph.seed ?? 1;
  const resolved = resolvedGraph(graph, plan, seed, file), hash = hashGraph(resolved);
  const now = () => new Date(engine.clock.now()).toISOString();
  const settle = (before?: RunRecord) => ({
    waves: wavesOf(options.waves ?? before?.waves ?? graph.waves, file),
    checkpoints: { every: interval(graph.waves), keep: KEEP, ...before?.checkpoints, ...options.checkpoints },
  });
  const claim = resume && out
    ? await claimResumed(resolved, out)
    : await claimNew(resolved, out, { name: nameOfRun(file), seed, device: engine.services.host.device, ...settle(), command: options.command ?? [], started: now() });
  const { directory, record } = claim;
  const journal = createJournal({
    directory: directory.path,
    portType: (node, port) => { const type = plan.outputType(node, port); return typeof type === 'string' ? type : undefined; },
    onMetrics: (line) => console?.metrics(line),
  });
  let empty = !resume;
  try {
    const settings = settle(record), { waves } = settings;
    const newest = resume ? await newestCheckpoint(directory.checkpoints) : undefined;
    if (newest && newest.waves >= waves) return { type: 'finished', waves: newest.waves, already: true, out: directory.path, metrics: await checkpointMetrics(newest) };
    const saved = newest && await loadCheckpoint(newest.path, engine.services.host, { graph: hash });
    if (resume) {
      await journal.cutBack(saved?.waves ?? 0, saved?.recent ?? [], saved?.metrics ?? {});
      await writeRunRecord(directory, { ...record, ...settings, resumed: [...(record.resumed ?? []), { waves: newest?.waves ?? 0, at: now() }] });
    }
    await makeWritableFolder(directory.checkpoints);
    return await go({ engine, plan, resolved, record, seed, ...settings, saved, hash, directory, journal, options, onWave: () => { empty = false; } });
  } catch (error) {
    // The reason that counts is the first one; what the journal is writing is in the way of the folder's end.
    if (empty) await journal.flush().catch(() => undefined).then(() => unclaim(claim)).catch(() => undefined);
    throw error;
  } finally {
    await directory.release();
  }
}

const KEEP = 3;
/** A tenth of the graph's length, so that nothing depends on how much of it is run; a thousand waves at most. */
const interval = (waves = 10_000): number => Math.min(1000, Math.max(1, Math.round(waves / 10)));

function wavesOf(waves: number | undefined, file = 'the graph'): number {
  if (waves === undefined) throw inputError(file, 'it does not say how many waves a run has', { try: '"waves": 1000 in it, or --waves 1000' });
  return waves;
}

interface Flow {
  readonly engine: Engine;
  readonly plan: Plan;
  readonly resolved: Graph;
  readonly record: RunRecord;
  readonly seed: number;
  readonly waves: number;
  readonly checkpoints: CheckpointSettings;
  readonly saved: Snapshot | undefined;
  readonly hash: string;
  readonly directory: RunDirectory;
  readonly journal: Journal;
  readonly options: RunOptions;
  /** A wave is complete: there is something to keep. */
  readonly onWave: () => void;
}

async function go(flow: Flow): Promise<RunResult> {
  const { engine, plan, record, seed, waves, checkpoints: { every, keep, best }, saved, hash, directory, journal, onWave } = flow;
  const { console, signal } = flow.options;
  const services = {
    ...engine.services,
    note: (message: string) => { journal.note(message); (console ?? engine.services).note(message); },
    progress: (what: string, done: number, total: number) => (console ?? engine.services).progress(what, done, total),
  };
  let kept = saved?.waves ?? 0;
  let saving = Promise.resolve();
  /** Saves one snapshot after the other: with prefetch, further waves may end while one is being written. */
  const checkpoint = (snapshot: Snapshot): Promise<void> => {
    const { latest: metrics, recent } = journal;
    saving = saving.then(async () => {
      await journal.flush();
      await saveCheckpoint(directory.checkpoints, snapshot, { host: services.host, graph: hash, versions: record.versions, metrics, recent });
      kept = snapshot.waves;
      await pruneCheckpoints(directory.checkpoints, keep, best);
      if (kept < waves) await leaveReport(flow, kept, 'running');
    });
    return saving;
  };
  const results = latestResults(plan), stalls = watchStalls();
  const onEvent = (event: RunEvent): void | Promise<void> => {
    journal.record(event);
    console?.record(event);
    if (event.type !== 'wave') return;
    onWave();
    results.record(event.outputs);
    stalls.begin();
    if (event.completed % every === 0 || event.completed === waves) return checkpoint(event.snapshot);
  };

  const running = run(plan, { waves, seed, services, onEvent, ...(saved && { saved }), ...(signal && { signal }) });
  let failure: { readonly error: unknown } | undefined;
  const end = await running.done.catch((error: unknown) => { failure = { error }; });
  const last = running.snapshot();
  if (failure) {
    // No node was started, or the first wave of a new run failed: there is nothing to report on.
    if (!last || (!last.waves && !flow.options.resume)) throw failure.error;
    // A failure that left every wave complete (a node that never stepped) still deserves its results.
    if (last.waves !== waves) {
      // The reason that counts is the first one: a disk that is full may refuse the report, too.
      await leaveReport(flow, last.waves, 'failed').catch(() => {});
      throw withCheckpoint(failure.error, kept, directory);
    }
  }
  const early = end?.type === 'finished' ? end.early : undefined;
  if (early) {
    // Before the last checkpoint: whoever is killed in between goes on to the same end.
    await writeRunRecord(directory, { ...await readRunRecord(directory), waves: last!.waves, early: early.says });
    services.note(`node "${early.node}" ends the run after ${last!.waves} waves: ${early.says}`);
  }
  if (last && last.waves > kept) await checkpoint(last);
  if (last) await leaveResults(early ? { ...flow, waves: last.waves } : flow, results.of(last), last.waves);
  if (failure) throw failure.error;
  const type = end!.type, metrics = journal.latest, completed = last?.waves ?? kept;
  console?.[type]({ waves: completed, out: directory.path, metrics, longestStall: stalls.longest() });
  return { type, waves: completed, already: false, out: directory.path, metrics };
}

/** The trained networks and the report. */
async function leaveResults(flow: Flow, results: Results, completed: number): Promise<void> {
  const { engine, waves, directory } = flow;
  for (const { name, model } of await exportResults(results, engine.services)) await writeAtomically(join(directory.path, name), model);
  await leaveReport(flow, completed, completed < waves ? 'stopped' : 'finished');
}

async function leaveReport({ plan, resolved, record, waves, directory, journal }: Flow, completed: number, status: ReportContent['status']): Promise<void> {
  await journal.flush();
  await writeReport(directory, { record, status, completed, waves, drawing: drawingOf(plan), graph: resolved, ...(plan.about && { about: plan.about }) });
}

/** Names the checkpoint that a failed run can go on from. */
function withCheckpoint(error: unknown, waves: number, { path }: RunDirectory): unknown {
  if (!(error instanceof GantryError)) return error;
  const [first, ...others] = error.issues;
  const line = waves ? `the last good checkpoint is wave ${waves}, in ${join(path, 'checkpoints')}` : `no checkpoint was written yet; the run is in ${path}`;
  const issue = { ...first!, because: [...(first?.because ?? []), line] };
  return new GantryError(error.name, error.where, [issue, ...others], error.exitCode, { cause: error });
}
