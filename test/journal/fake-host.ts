/** @file A session host for tests that only keeps tensors. */
import { Resident, type TensorValue } from '../../engine/spec/value.js';

export interface FakeHost {
  put(value: TensorValue): Promise<Resident>;
  get(resident: Resident): Promise<TensorValue>;
  release(residents: readonly Resident[]): void;
  readonly residents: ReadonlyMap<number, TensorValue>;
  /** The most tensors that were being fetched at once. */
  readonly busiest: number;
}

export function createFakeHost(): FakeHost {
  const residents = new Map<number, TensorValue>();
  let last = 0;
  let fetching = 0;
  let busiest = 0;
  return {
    residents,
    get busiest() { return busiest; },
    async put(value) {
      const resident = new Resident(++last, value.dtype, value.dims);
      residents.set(resident.id, value);
      return resident;
    },
    async get(resident) {
      busiest = Math.max(busiest, ++fetching);
      await new Promise((done) => setImmediate(done));
      fetching--;
      const value = residents.get(resident.id);
      if (!value) throw new Error(`resident ${resident.id} was released`);
      return value;
    },
    release: (gone) => { for (const { id } of gone) residents.delete(id); },
  };
}
