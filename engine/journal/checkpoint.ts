/** @file Checkpoints: every node's state and every register at one completed wave, in a folder that appears whole or not at all. */
import { createHash } from 'node:crypto';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { NodeSnapshot, Snapshot } from '../dataflow/snapshot.js';
import type { SessionHost } from '../session/host.js';
import { GantryError, inputError } from '../spec/issue.js';
import { list } from '../spec/near.js';
import type { Metrics } from '../spec/picture.js';
import type { Resident, Value } from '../spec/value.js';
import { nameOf, sweepPartial, writeAtomically, writeFolderAtomically } from './atomic.js';
import { createEncoder, decode, type Json, type TensorSource } from './encoding.js';
import { hashFile, openSafetensors, writeSafetensors, type TensorFile } from './safetensors.js';

export interface SaveOptions {
  readonly host: Pick<SessionHost, 'get'>;
  /** Hash of the resolved graph: a checkpoint resumes the graph that made it. */
  readonly graph: string;
  /** Versions of what made it, by name. */
  readonly versions?: Readonly<Record<string, string>>;
  /** The last metrics, by `node.name`: `best` finds a checkpoint by them. */
  readonly metrics?: Readonly<Record<string, number>>;
  /** Which of them came in the last wave: the journal goes on from there. */
  readonly recent?: readonly string[];
}

/** Which checkpoint is best: by the metric `node.name`, larger (`max`) or smaller (`min`). */
export interface Best { readonly metric: string; readonly direction: 'min' | 'max' }

/** A checkpoint's place, and how many waves were complete when it was made. */
export interface CheckpointEntry { readonly waves: number; readonly path: string }
/** A snapshot as it was saved, and what it was saved with. */
export interface LoadedCheckpoint extends Snapshot { readonly graph: string; readonly versions: Readonly<Record<string, string>>; readonly recent: readonly string[]; readonly metrics: Metrics }

interface Manifest {
  readonly gantry: 1;
  readonly waves: number;
  readonly graph: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly metrics: Json;
  readonly recent?: readonly string[];
  readonly files: Readonly<Record<string, string>>;
  readonly nodes: Readonly<Record<string, SavedNode>>;
}
interface SavedNode { readonly steps: number; readonly state: Json; readonly registers: Readonly<Record<string, Json>> }

const FORMAT = 1;
const MANIFEST = 'manifest.json';
const TENSORS = 'tensors.safetensors';
const folderOf = (waves: number): string => `wave-${String(waves).padStart(9, '0')}`;
const FOLDER = /^wave-(\d+)$/;

/**
 * Saves a snapshot as `<folder>/wave-000012000`, whole or not at all, and gives that path. The same snapshot gives the same bytes.
 * Residents are fetched and written one at a time. Throws a GantryError for what can't be stored (naming its path) and for a full disk.
 */
export async function saveCheckpoint(folder: string, snapshot: Snapshot, { host, graph, versions = {}, metrics = {}, recent = [] }: SaveOptions): Promise<string> {
  const encoder = createEncoder((resident) => host.get(resident));
  const nodes = Object.fromEntries(sorted(snapshot.nodes).map(([id, { state, registers, steps }]): [string, SavedNode] => [id, {
    steps,
    state: encoder.encode(state, `${id}.state`),
    registers: Object.fromEntries(sorted(registers).map(([output, value]) => [output, encoder.encode(value, `${id}.${output}`)])),
  }]));
  const path = join(folder, folderOf(snapshot.waves));
  await writeFolderAtomically(path, async (partial) => {
    let hash = '';
    await writeAtomically(join(partial, TENSORS), async (file) => { hash = await writeSafetensors(file, encoder.tensors); });
    const manifest: Manifest = {
      gantry: FORMAT, waves: snapshot.waves, graph, versions: Object.fromEntries(sorted(versions)),
      metrics: encoder.encode(Object.fromEntries(sorted(metrics)), 'metrics'), recent, files: { [TENSORS]: hash }, nodes,
    };
    await writeAtomically(join(partial, MANIFEST), seal(manifest));
  });
  return path;
}

/**
 * Loads one checkpoint folder after checking every hash. A resident that occurs several times comes back as one resident; transient values come back
 * as their mark. With `graph`, a checkpoint of another graph is refused. Throws an InputError for a damaged one, with the previous one as the remedy.
 */
export async function loadCheckpoint(path: string, host: Pick<SessionHost, 'put' | 'release'>, options: { readonly graph?: string } = {}): Promise<LoadedCheckpoint> {
  const put: Resident[] = [];
  try {
    const manifest = await readManifest(path);
    if (options.graph !== undefined && options.graph !== manifest.graph) throw otherGraph(path);
    return await withTensors(path, manifest, true, async (file) => {
      const source: TensorSource = {
        read: once((name) => file.read(name)),
        put: once(async (name) => {
          const resident = await host.put(await file.read(name));
          put.push(resident);
          return resident;
        }),
      };
      const nodes: Record<string, NodeSnapshot> = {};
      for (const [id, { steps, state, registers }] of Object.entries(manifest.nodes)) {
        nodes[id] = { steps, state: await decode(state, source), registers: await decode(registers, source) as Record<string, Value> };
      }
      const metrics = await decode(manifest.metrics, noTensors) as Metrics;
      return { waves: manifest.waves, nodes, graph: manifest.graph, versions: manifest.versions, recent: manifest.recent ?? [], metrics };
    });
  } catch (error) {
    host.release(put);
    throw error instanceof GantryError && error.exitCode === 2 ? await withRemedy(error, path) : error;
  }
}

/** A value of a finished run: what the held edges of `node.output` saw when so many waves were complete; those of the newest checkpoint unless it says otherwise. */
export interface SavedOutput { readonly run: string; readonly output: string; readonly waves?: number | undefined }

/**
 * Reads one output's value from a checkpoint. Without a host, what would live there is left out (undefined), and hashes are not compared: for what is to be known beforehand.
 * Throws an InputError that lists the checkpoints, or the outputs, that there are.
 */
export async function savedOutput({ run, output, waves }: SavedOutput, host?: Pick<SessionHost, 'put'>): Promise<unknown> {
  const entries = await listCheckpoints(join(run, 'checkpoints')), entry = waves === undefined ? entries.at(-1) : entries.find((one) => one.waves === waves);
  if (!entry) throw inputError(run, entries.length ? `it has no checkpoint after ${waves} waves; those that it kept are after ${list(entries.map((one) => String(one.waves)))}` : 'there are no checkpoints: is it the folder of a run?');
  const manifest = await readManifest(entry.path), { nodes } = manifest, dot = output.lastIndexOf('.'), saved = nodes[output.slice(0, dot)]?.registers[output.slice(dot + 1)];
  if (saved === undefined) {
    const kept = Object.entries(nodes).flatMap(([id, { registers }]) => Object.keys(registers).map((name) => `${id}.${name}`));
    throw inputError(run, `its checkpoints hold no value of ${output}`, { because: [`they hold what is read a wave late or as its latest: ${list(kept)}`] });
  }
  return withTensors(entry.path, manifest, host !== undefined, (file) => decode(saved, { read: once((name) => file.read(name)), put: once(async (name) => host?.put(await file.read(name)) as Promise<Resident>) }));
}

/** Lends the tensors of the checkpoint in this folder, after comparing their hash if told so. */
async function withTensors<T>(folder: string, { files }: Manifest, compared: boolean, use: (file: TensorFile) => Promise<T>): Promise<T> {
  const path = join(folder, TENSORS);
  if (compared && await hashFile(path) !== files[TENSORS]) throw inputError(path, 'is not what was saved: its sha256 differs from the manifest');
  const file = await openSafetensors(path);
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}

/** The checkpoints in a folder, oldest first. */
export async function listCheckpoints(folder: string): Promise<CheckpointEntry[]> {
  const names = await readdir(folder).catch(() => []);
  return names
    .flatMap((name) => { const match = FOLDER.exec(name); return match ? [{ waves: Number(match[1]), path: join(folder, name) }] : []; })
    .sort((a, b) => a.waves - b.waves);
}

/** The checkpoint of the latest wave, if there is one. Undoes what a killed process left half done. */
export async function newestCheckpoint(folder: string): Promise<CheckpointEntry | undefined> {
  await sweepPartial(folder);
  return (await listCheckpoints(folder)).at(-1);
}

/** The metrics that a checkpoint was saved with, by `node.name`. */
export const checkpointMetrics = async ({ path }: CheckpointEntry): Promise<Metrics> => await decode((await readManifest(path)).metrics, noTensors) as Metrics;
const noTensors: TensorSource = {
  read: (name) => { throw new RangeError(`metrics hold no tensor ${name}`); },
  put: (name) => { throw new RangeError(`metrics hold no tensor ${name}`); },
};

/** The checkpoint with the best metric among those that are kept; the earliest of equals. Checkpoints without the metric don't count. */
export async function bestCheckpoint(folder: string, { metric, direction }: Best): Promise<(CheckpointEntry & { readonly value: number }) | undefined> {
  let best: (CheckpointEntry & { readonly value: number }) | undefined;
  for (const entry of await listCheckpoints(folder)) {
    const { metrics } = await readManifest(entry.path);
    const value = (metrics as Record<string, Json>)[metric];
    if (typeof value === 'number' && (!best || (direction === 'max' ? value > best.value : value < best.value))) best = { ...entry, value };
  }
  return best;
}

/** Deletes all but the last `keep` checkpoints and the best one. */
export async function pruneCheckpoints(folder: string, keep: number, best?: Best): Promise<void> {
  const spared = best ? (await bestCheckpoint(folder, best))?.path : undefined;
  const old = (await listCheckpoints(folder)).slice(0, -Math.max(1, keep));
  for (const { path } of old) if (path !== spared) await rm(path, { recursive: true, force: true });
}

/** Seals a manifest with the hash of its own text, so that a changed digit is found. */
function seal(manifest: Manifest): string {
  const body = JSON.stringify(manifest);
  return `${body.slice(0, -1)},"sha256":"${hashText(body)}"}\n`;
}
const SEAL = /,"sha256":"([0-9a-f]{64})"\}\n$/;

async function readManifest(path: string): Promise<Manifest> {
  const file = join(path, MANIFEST);
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => { throw inputError(file, `can not be read: ${error.code}`); });
  const sealed = SEAL.exec(text);
  const body = sealed ? `${text.slice(0, sealed.index)}}` : '';
  if (!sealed || hashText(body) !== sealed[1]) throw inputError(file, 'is not what was saved: it is cut short or was changed');
  const manifest = JSON.parse(body) as Manifest;
  if (manifest.gantry !== FORMAT) throw inputError(file, `has format ${manifest.gantry}; this program reads ${FORMAT}`);
  return manifest;
}

async function withRemedy(error: GantryError, path: string): Promise<GantryError> {
  const [issue] = error.issues;
  if (!issue || issue.try) return error;
  const previous = (await listCheckpoints(join(path, '..'))).filter((entry) => nameOf(entry.path) < nameOf(path)).at(-1);
  const remedy = previous
    ? `deleting ${path} and resuming again: the previous checkpoint is ${nameOf(previous.path)}`
    : `deleting ${path} and starting anew: there is no earlier checkpoint`;
  return new GantryError('CheckpointError', error.where, [{ ...issue, try: remedy }], 2, { cause: error });
}

const otherGraph = (path: string): GantryError => inputError(path, 'is a checkpoint of another graph; resuming wants the graph that made it', {
  try: 'the graph.json of that run, or a new run without --resume',
});

const hashText = (text: string): string => createHash('sha256').update(text).digest('hex');
const sorted = <T>(record: Readonly<Record<string, T>>): [string, T][] => Object.entries(record).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));

/** Gives the same answer to the same question. */
function once<T>(ask: (name: string) => Promise<T>): (name: string) => Promise<T> {
  const known = new Map<string, Promise<T>>();
  return (name) => {
    const answer = known.get(name) ?? ask(name);
    known.set(name, answer);
    return answer;
  };
}
