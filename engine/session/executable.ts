/** @file One program or model in the session host: checks what it is fed, runs it, and turns what stays behind into residents. */
import type { Issue } from '../spec/issue.js';
import type { Signature } from '../spec/signature.js';
import type { TensorShape } from '../spec/tensor-type.js';
import { isResident, Resident, type TensorValue, type Tensorial } from '../spec/value.js';
import { nextName } from '../tensor/onnx/encode.js';
import type { Channel } from './channel.js';
import { disagreement, sessionError, unusable, type Sizes } from './feeds.js';
import type { Executable } from './host.js';
import { buffersOf, copyOf, type Feed } from './protocol.js';

/** What is known of a session when it is open. */
export interface Plan {
  /** `program "grid step"`, or the model's file: the place in errors. */
  readonly where: string;
  readonly session: number;
  readonly signature: Signature;
  /** State the program reads, by name; none for model files. */
  readonly state: Readonly<Record<string, TensorShape>>;
  /** Names of the state it changes; the graph's output `nextName(name)` is the next version. */
  readonly changes: ReadonlySet<string>;
  /** Names that the graph has kept as inputs. */
  readonly fed: ReadonlySet<string>;
}

/** The host's part in it. */
export interface Household {
  readonly channel: Channel;
  readonly residents: Set<number>;
  nextId(): number;
}

export function createExecutable(plan: Plan, { channel, residents, nextId }: Household): Executable {
  const { where, session, signature, state: stateTypes, changes, fed } = plan;
  const outputs = Object.keys(signature.outputs);
  let released: Promise<void> | undefined;

  /** Checks all feeds before any is sent, and names every one that is wrong. */
  function check(state: Readonly<Record<string, Tensorial>>, inputs: Readonly<Record<string, Tensorial>>, keep: readonly string[]): Sizes {
    const sizes: Sizes = new Map(), issues: Issue[] = [];
    const look = (side: 'state' | 'inputs', types: Readonly<Record<string, TensorShape>>, values: Readonly<Record<string, Tensorial>>) => {
      for (const [name, type] of Object.entries(types)) {
        const value = values[name];
        const says = unusable(value, residents) ?? (side === 'state' && !isResident(value) ? 'is a value; wants a resident' : undefined)
          ?? disagreement(type, value!, name, sizes);
        if (says) issues.push({ at: `${side}.${name}`, says });
      }
    };
    look('state', stateTypes, state);
    look('inputs', signature.inputs, inputs);
    const unknown = (side: string, names: readonly string[], known: readonly string[]) => {
      for (const name of names) if (!known.includes(name)) issues.push({ at: `${side}.${name}`, says: `is unknown; there is ${known.join(', ') || 'none'}` });
    };
    unknown('inputs', Object.keys(inputs), Object.keys(signature.inputs));
    unknown('keep', keep, outputs);
    if (issues.length) throw sessionError(where, issues);
    return sizes;
  }

  return {
    signature,
    async run(state, inputs, { keep = [] } = {}) {
      if (released) throw sessionError(where, [{ at: '', says: 'is released; it runs no more' }]);
      const sizes = check(state, inputs, keep);

      const feeds: Record<string, Feed> = {}, copies: TensorValue[] = [];
      for (const name of fed) {
        const value = name in stateTypes ? state[name]! : inputs[name]!;
        if (isResident(value)) feeds[name] = value.id;
        else {
          const copy = copyOf(value);
          feeds[name] = copy;
          copies.push(copy);
        }
      }
      const keptNames = [...[...changes].map(nextName), ...new Set(keep)];
      const ids = Object.fromEntries(keptNames.map((name) => [name, nextId()]));
      const fetch = outputs.filter((name) => !keep.includes(name));

      const { kept, fetched } = await channel.call('run', { session, feeds, keep: ids, fetch }, buffersOf(copies))
        .catch((error: Error) => { throw sessionError(where, [{ at: '', says: `does not run: ${error.message}` }], { cause: error }); });
      const resident = (name: string) => new Resident(ids[name]!, kept[name]!.dtype, kept[name]!.dims);
      const result: Record<string, Tensorial> = Object.fromEntries(outputs.map((name) => [name, fetched[name] ?? resident(name)]));
      const lies = outputs.flatMap((name): Issue[] => {
        const says = disagreement(signature.outputs[name]!, result[name]!, name, sizes);
        return says ? [{ at: `outputs.${name}`, says, because: ['the signature promises what the run did not give'] }] : [];
      });
      if (lies.length) {
        void channel.call('release', { ids: Object.values(ids) }).catch(() => undefined);
        throw sessionError(where, lies);
      }
      for (const id of Object.values(ids)) residents.add(id);
      const next = Object.keys(stateTypes).map((name) => [name, changes.has(name) ? resident(nextName(name)) : state[name]!]);
      return { state: Object.fromEntries(next), outputs: result };
    },
    async release() {
      released ??= channel.call('shut', { session }).then(() => undefined, () => undefined); // a host that has ended has released it
      return released;
    },
  };
}
