/** @file The thread of ONNX Runtime: sessions and resident tensors by id. One request at a time, each answered, in the order in which they came. */
import { readFile } from 'node:fs/promises';
import { parentPort, workerData } from 'node:worker_threads';
import type { TensorValue } from '../spec/value.js';
import { fewerProducts } from '../tensor/onnx/fewer-products.js';
import { guarded } from './exit-guard.js';
import { createMemory } from './memory.js';
import { blank, dtypeOf, explain, open, run, runInto, toNative, toValue, unwrap, type NativeTensor, type Session } from './onnxruntime.js';
import { buffersOf, type Answer, type Call, type Calls, type Feed, type Message, type Sized } from './protocol.js';

const port = parentPort!;
const { word } = workerData as { readonly word: Int32Array };
const sessions = new Map<number, Session>();
const residents = new Map<number, NativeTensor>();
const memory = createMemory();

function found<T>(table: ReadonlyMap<number, T>, id: number, what: string): T {
  const value = table.get(id);
  if (value === undefined) throw new Error(`${what} ${id} is not here`);
  return value;
}
const feed = (value: Feed): NativeTensor => (typeof value === 'number' ? found(residents, value, 'resident') : toNative(value));
const mapped = <A, B>(record: Readonly<Record<string, A>>, change: (value: A, key: string) => B): Record<string, B> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value, key)]));

/** The model computed with fewer products, where that pays. What is no model is left to ONNX Runtime to refuse. */
async function withFewerProducts(model: string | Uint8Array): Promise<string | Uint8Array> {
  try {
    return fewerProducts(typeof model === 'string' ? await readFile(model) : model) ?? model;
  } catch {
    return model;
  }
}

/** Runs into tensors that are made here: lent ones for what stays, new ones for what is sent away. */
async function placed(opened: Session, feeds: Readonly<Record<string, NativeTensor>>, keep: readonly string[], fetch: readonly string[]): Promise<Readonly<Record<string, NativeTensor>>> {
  const sized = (name: string) => opened.signature.outputs[name] as Sized;
  const lent = keep.map((name) => [name, memory.lend(sized(name))] as const);
  const into = Object.fromEntries([...lent, ...fetch.map((name) => [name, blank(sized(name))] as const)]);
  try {
    await guarded(word, () => runInto(opened, feeds, into));
    return into;
  } catch (error) {
    for (const [, tensor] of lent) memory.giveBack(tensor);
    throw error;
  }
}

function forget(id: number): void {
  const tensor = residents.get(id);
  if (tensor) memory.giveBack(tensor);
  residents.delete(id);
}

const calls: { readonly [K in Call]: (ask: Calls[K]['ask']) => Promise<Calls[K]['answer']> } = {
  async open({ session, model, settings }) {
    const given = settings.fewerProducts ? await withFewerProducts(model) : model;
    const opened = await guarded(word, () => open(given, settings));
    sessions.set(session, opened);
    return opened.signature;
  },
  async run({ session, feeds, keep, fetch }) {
    const opened = found(sessions, session, 'session'), fed = mapped(feeds, feed);
    const outputs = await (opened.places ? placed(opened, fed, Object.keys(keep), fetch) : guarded(word, () => run(opened, fed, [...Object.keys(keep), ...fetch])));
    memory.tick();
    const kept = mapped(keep, (id, name) => {
      const output = outputs[name]!;
      residents.set(id, output);
      return { dtype: dtypeOf(output), dims: output.dims };
    });
    // What is sent was made for this run and is in no other hand: it goes as it is.
    return { kept, fetched: Object.fromEntries(fetch.map((name) => [name, unwrap(outputs[name]!)])) };
  },
  async put({ id, value }) {
    residents.set(id, toNative(value));
    return null;
  },
  get: async ({ id }) => toValue(found(residents, id, 'resident')),
  async room({ id, sized }) {
    residents.set(id, blank(sized));
    return null;
  },
  async fill({ id, piece, at }) {
    const whole = unwrap(found(residents, id, 'resident')), { dims, data } = unwrap(found(residents, piece, 'resident'));
    (whole.data as Float32Array).set(data as Float32Array, at * (data.length / dims[0]!));
    forget(piece);
    return null;
  },
  async release({ ids }) {
    ids.forEach(forget);
    return null;
  },
  async shut({ session }) {
    const opened = found(sessions, session, 'session');
    sessions.delete(session);
    await guarded(word, () => opened.native.release());
    return null;
  },
  async close() {
    for (const { native } of sessions.values()) await guarded(word, () => native.release());
    sessions.clear();
    residents.clear();
    port.close(); // nothing else holds the thread: it ends by itself
    return null;
  },
};

const sent = (call: Call, answer: unknown): readonly TensorValue[] => {
  if (call === 'get') return [answer as Calls['get']['answer']];
  return call === 'run' ? Object.values((answer as Calls['run']['answer']).fetched) : [];
};

async function reply({ number, call, ask }: Message): Promise<void> {
  try {
    const answer = await (calls[call] as (ask: unknown) => Promise<unknown>)(ask);
    port.postMessage({ number, answer } satisfies Answer, buffersOf(sent(call, answer)));
  } catch (error) {
    port.postMessage({ number, failed: explain(error) } satisfies Answer);
  }
}

let line = Promise.resolve();
port.on('message', (message: Message) => {
  line = line.then(() => reply(message));
});
