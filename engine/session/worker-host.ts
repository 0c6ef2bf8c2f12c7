/** @file The session host on a thread of its own, so that the main loop never waits for a kernel. */
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { inputError } from '../spec/issue.js';
import { show } from '../spec/tensor-type.js';
import { Resident } from '../spec/value.js';
import { known } from '../tensor/dims.js';
import { encode, nextName } from '../tensor/onnx/encode.js';
import { signatureOf } from '../tensor/program.js';
import { createChannel } from './channel.js';
import { createExecutable, type Household } from './executable.js';
import { guardExit } from './exit-guard.js';
import { sessionError, unusable } from './feeds.js';
import type { Device, SessionHost } from './host.js';
import { probe } from './probe.js';
import { buffersOf, copyOf, type Optimization, type SessionSettings } from './protocol.js';

export interface HostOptions {
  /** Where programs run; `cpu` unless said otherwise. Nothing falls back in silence. */
  readonly device?: Device;
  /** Threads of one operator; all cores unless said otherwise. */
  readonly threads?: number;
  /**
   * How much ONNX Runtime rewrites programs. They come simplified, so `basic`: more costs seconds on large steps and gains nothing measurable.
   * Model files, whose weights are constants, always get `all`, and on the CPU fewer products (`tensor/onnx/fewer-products`).
   */
  readonly optimization?: Optimization;
  /** Trades a half more memory for nothing measurable; off. */
  readonly memoryPattern?: boolean;
}

/** Ids are unique in the process, so that a resident of another host is recognised. */
let lastId = 0;
const nextId = () => ++lastId;

/** Starts a host. An InputError says what a device other than `cpu` lacks, and how to get it. */
export async function createWorkerHost(options: HostOptions = {}): Promise<SessionHost> {
  const { device = 'cpu', threads = availableParallelism(), optimization = 'basic', memoryPattern = false } = options;
  if (device !== 'cpu') {
    const { works, says, because, try: remedy } = await probe(device);
    if (!works) throw inputError(`device ${device}`, says, { because, try: remedy });
  }
  const guard = guardExit();
  const worker = new Worker(new URL('./worker.js', import.meta.url), { name: 'onnxruntime', workerData: { word: guard.word } });
  const channel = createChannel(worker);
  worker.on('exit', guard.lift);
  const residents = new Set<number>();
  const household: Household = { channel, residents, nextId };
  const settings: SessionSettings = { device, threads, optimization, memoryPattern, sleep: false, fewerProducts: false, asWritten: true };
  const here = `session host (${device})`;
  const fail = (error: Error): never => { throw sessionError(here, [{ at: '', says: error.message }], { cause: error }); };

  return {
    device,
    residents,
    async compile(program, { idle = 'look' } = {}) {
      const where = `program "${program.name}"`, session = nextId(), states = Object.entries(program.state);
      const sized = [...Object.values(program.outputs), ...states.map(([, { next }]) => next)].every(({ dims }) => known(dims));
      const model = new Uint8Array(encode(program, { refused: sized && device === 'cpu', sparing: device === 'cpu' })); // in a buffer of its own, which is given away
      const { inputs, outputs } = await channel.call('open', { session, model, settings: { ...settings, sleep: idle === 'sleep' } }, [model.buffer as ArrayBuffer])
        .catch((error: Error) => { throw sessionError(where, [{ at: '', says: `does not compile: ${error.message}` }], { cause: error }); });
      return createExecutable({
        where, session,
        signature: signatureOf(program),
        state: Object.fromEntries(states.map(([name, { value }]) => [name, value.shape])),
        // simplification may have found that a state never changes
        changes: new Set(states.filter(([name, { value, next }]) => next !== value && nextName(name) in outputs).map(([name]) => name)),
        fed: new Set(Object.keys(inputs)),
      }, household);
    },
    async open(model) {
      const where = typeof model === 'string' ? model : 'model', session = nextId();
      if (typeof model === 'string' && !existsSync(model)) throw inputError(where, 'there is no such file; wants an ONNX model');
      const copy = typeof model === 'string' ? model : new Uint8Array(model);
      const transfer = typeof copy === 'string' ? [] : [copy.buffer];
      const signature = await channel.call('open', { session, model: copy, settings: { ...settings, optimization: 'all', fewerProducts: device === 'cpu', asWritten: false } }, transfer)
        .catch((error: Error) => { throw inputError(where, `is no ONNX model that runs here: ${error.message}`, {}, { cause: error }); });
      return createExecutable({ where, session, signature, state: {}, changes: new Set(), fed: new Set(Object.keys(signature.inputs)) }, household);
    },
    async put(value) {
      const says = unusable(value, residents);
      if (says) throw sessionError(here, [{ at: 'put', says }]);
      const id = nextId(), copy = copyOf(value);
      await channel.call('put', { id, value: copy }, buffersOf([copy])).catch(fail);
      residents.add(id);
      return new Resident(id, value.dtype, value.dims);
    },
    async get(resident) {
      const says = unusable(resident, residents);
      if (says) throw sessionError(here, [{ at: 'get', says }]);
      return channel.call('get', { id: resident.id }).catch(fail);
    },
    async stack(rows, pieces) {
      const id = nextId(), release = (ids: readonly number[]) => void channel.call('release', { ids }).catch(() => undefined);
      let whole: Resident | undefined, at = 0;
      try {
        for await (const piece of pieces) {
          const { dims: [count = 0, ...rest], dtype } = piece, says = unusable(piece, residents);
          if (says) throw sessionError(here, [{ at: 'stack', says }]);
          residents.delete(piece.id);
          whole ??= new Resident(id, dtype, [rows, ...rest]);
          if (at + count > rows || show(piece) !== show({ dtype: whole.dtype, dims: [count, ...whole.dims.slice(1)] })) {
            release([piece.id]);
            throw sessionError(here, [{ at: 'stack', says: `a piece ${show(piece)} does not fit ${show(whole)} from row ${at} on` }]);
          }
          if (at === 0) await channel.call('room', { id, sized: { dtype, dims: whole.dims } });
          await channel.call('fill', { id, piece: piece.id, at });
          at += count;
        }
        if (!whole || at < rows) throw sessionError(here, [{ at: 'stack', says: `pieces of ${at} rows; wants ${rows}` }]);
      } catch (error) {
        release([id]);
        throw error;
      }
      residents.add(id);
      return whole;
    },
    release(given) {
      const ids = given.map(({ id }) => id).filter((id) => residents.delete(id));
      if (ids.length) void channel.call('release', { ids }).catch(() => undefined); // a host that has ended has released them
    },
    close: () => channel.close(),
  };
}
