/** @file The session host: versions of state, feeds that are copied, order, errors that name what is wrong, and its end. */
import type { SessionHost, State } from '../../engine/session/host.js';
import { createWorkerHost } from '../../engine/session/worker-host.js';
import { isResident, Resident, tensor, type TensorValue } from '../../engine/spec/value.js';
import type { Op } from '../../engine/tensor/op.js';
import { add, cast, gather, greater, matmul, mul, sum } from '../../engine/tensor/ops/index.js';
import { program } from '../../engine/tensor/program.js';
import { apply1 } from '../../engine/tensor/tensor.js';
import { parse, type TensorShape } from '../../engine/spec/tensor-type.js';

const type = (spelling: string): TensorShape => parse(spelling)!;
const f32 = (...data: number[]) => tensor('f32', [data.length], Float32Array.from(data));
const numbers = (value: unknown) => [...(value as TensorValue).data].map(Number);

/** total += scale * x; `scale` is only read; the next total is an output, too, and so is the one before. */
const accumulate = program('accumulate', { total: type('f32[3]'), scale: type('f32[]') }, { x: type('f32[3]') }, ({ total, scale }, { x }) => {
  const next = add(total, mul(scale, x));
  return { next: { total: next }, outputs: { after: next, sum: sum(next), before: total } };
});
/** Takes about a second. */
const slow = program('slow', {}, { x: type('f32[1024,1024]') }, (_, { x }) => ({
  outputs: { y: sum(Array.from({ length: 24 }).reduce<typeof x>((y) => matmul(y, x), x)) },
}));
const zeros = tensor('f32', [1024, 1024], new Float32Array(1024 * 1024));

let host: SessionHost;
beforeAll(async () => { host = await createWorkerHost(); });
afterAll(() => host.close());
const start = async (): Promise<State> => ({ total: await host.put(f32(1, 2, 3)), scale: await host.put(tensor('f32', [], Float32Array.of(2))) });

test('state goes in as one version and comes out as the next; the old one stays as it was', async () => {
  const step = await host.compile(accumulate), state = await start();
  const first = await step.run(state, { x: f32(1, 1, 1) });
  const second = await step.run(first.state, { x: f32(10, 0, 0) });
  expect(numbers(second.outputs.sum)).toEqual([32]);
  expect(await Promise.all([state, first.state, second.state].map(async ({ total }) => numbers(await host.get(total!)))))
    .toEqual([[1, 2, 3], [3, 4, 5], [23, 4, 5]]);
  const again = await step.run(state, { x: f32(1, 1, 1) });
  expect(numbers(again.outputs.before)).toEqual([1, 2, 3]);
  expect(numbers(again.outputs.after)).toEqual([3, 4, 5]);
});

test('state that is only read is passed on as it is, and surplus state is ignored', async () => {
  const step = await host.compile(accumulate), state = await start();
  const { state: next } = await step.run({ ...state, other: await host.put(f32(1)) }, { x: f32(0, 0, 0) });
  expect(next.scale).toBe(state.scale);
  expect(Object.keys(next)).toEqual(['total', 'scale']);
  expect(next.total!.id).not.toBe(state.total!.id);
});

test('an output that is kept stays a resident, and may be fed', async () => {
  const step = await host.compile(accumulate), state = await start();
  const { outputs } = await step.run(state, { x: f32(1, 1, 1) }, { keep: ['after'] });
  expect(isResident(outputs.after)).toBe(true);
  expect(numbers(outputs.sum)).toEqual([12]);
  const fed = await step.run(state, { x: outputs.after! });
  expect(numbers(fed.outputs.after)).toEqual([7, 10, 13]);
});

test('pieces are stacked in their order and given up; what does not fit is refused, and nothing of it stays', async () => {
  const rows = (...values: number[]) => host.put(tensor('f32', [values.length / 2, 2], Float32Array.from(values)));
  async function* pieces(...given: number[][]) { for (const values of given) yield await rows(...values); }
  const before = host.residents.size, whole = await host.stack(3, pieces([1, 2, 3, 4], [5, 6]));
  expect([whole.dims, numbers(await host.get(whole)), host.residents.size]).toEqual([[3, 2], [1, 2, 3, 4, 5, 6], before + 1]);
  await expect(host.stack(3, pieces([1, 2], [3, 4]))).rejects.toThrow('pieces of 2 rows; wants 3');
  await expect(host.stack(3, pieces([1, 2], [3, 4, 5, 6, 7, 8]))).rejects.toThrow('a piece f32[3,2] does not fit f32[3,2] from row 1 on');
  async function* mixed() { yield await rows(1, 2); yield await host.put(f32(1, 2)); }
  await expect(host.stack(3, mixed())).rejects.toThrow('a piece f32[2] does not fit f32[3,2] from row 1 on');
  async function* gone() { yield whole; yield whole; }
  await expect(host.stack(6, gone())).rejects.toThrow('stack');
  expect(host.residents.size).toBe(before);
});

test('feeds are copied: a part of a buffer, a Node buffer, shared memory; the sender keeps its own', async () => {
  const step = await host.compile(accumulate), state = await start();
  const whole = Float32Array.of(9, 1, 2, 3, 9), shared = new Float32Array(new SharedArrayBuffer(12));
  shared.set([1, 2, 3]);
  for (const data of [whole.subarray(1, 4), shared]) {
    const run = step.run(state, { x: tensor('f32', [3], data) });
    data.fill(0); // after it was given away nothing may change it
    expect(numbers((await run).outputs.after)).toEqual([3, 6, 9]);
  }
  expect([...whole]).toEqual([9, 0, 0, 0, 9]);
  const bytes = await host.put(tensor('u8', [3], Buffer.from('abc')));
  expect(numbers(await host.get(bytes))).toEqual([97, 98, 99]);
});

test.each([
  tensor('f32', [2, 1], Float32Array.of(1.5, -0)), tensor('f64', [1], Float64Array.of(Math.PI)), tensor('i64', [2], BigInt64Array.of(-1n, 2n ** 62n)),
  tensor('i32', [1, 1, 2], Int32Array.of(-5, 5)), tensor('u8', [3], Uint8Array.of(0, 128, 255)), tensor('bool', [2], Uint8Array.of(0, 1)),
  tensor('f32', [0, 4], new Float32Array(0)), tensor('f32', [], Float32Array.of(7)),
])('a tensor comes back as it was put: $dtype[$dims]', async (value) => {
  expect(await host.get(await host.put(value))).toEqual(value);
});

test('truth values are bytes outside and inside', async () => {
  const above = await host.compile(program('above', {}, { x: type('f32[N]'), mask: type('bool[N]') }, (_, { x, mask }) => ({
    outputs: { above: greater(x, 0), counted: sum(cast(mask, 'f32')) },
  })));
  const { outputs } = await above.run({}, { x: f32(-1, 0, 2), mask: tensor('bool', [3], Uint8Array.of(1, 0, 1)) });
  expect(outputs.above).toEqual(tensor('bool', [3], Uint8Array.of(0, 0, 1)));
  expect(numbers(outputs.counted)).toEqual([2]);
});

test('released residents are gone, and nobody else is', async () => {
  const step = await host.compile(accumulate), state = await start();
  const run = step.run(state, { x: f32(0, 0, 0) });
  host.release([state.total!]); // the run that was asked for before still reads it
  const { state: next } = await run;
  expect(numbers(await host.get(next.total!))).toEqual([1, 2, 3]);
  expect(host.residents.has(state.total!.id)).toBe(false);
  expect(host.residents.has(next.total!.id)).toBe(true);
  await expect(host.get(state.total!)).rejects.toThrow(`is resident ${state.total!.id}, which was released or belongs to another host`);
  await expect(step.run(state, { x: f32(0, 0, 0) })).rejects.toThrow('state.total: is resident');
  host.release([state.total!]); // again: nothing
});

test('a resident of another host is not taken for one of ours', async () => {
  const other = await createWorkerHost({ threads: 1 });
  try {
    const theirs = await other.put(f32(1, 2, 3));
    await expect(host.get(theirs)).rejects.toThrow('belongs to another host');
  } finally {
    await other.close();
  }
});

test('everything that is wrong with a run is named at once', async () => {
  const step = await host.compile(accumulate), state = await start();
  const inputs = { x: tensor('f64', [3], new Float64Array(3)), y: f32(1) };
  const error = await step.run({ scale: new Resident(state.scale!.id, 'f32', [2]) }, inputs, { keep: ['mean'] }).catch((e: Error) => e);
  expect(error).toMatchObject({ name: 'SessionError', exitCode: 3 });
  expect((error as Error).message).toBe([
    'SessionError: program "accumulate" has 5 issues',
    '  state.total: is missing',
    '  state.scale: is f32[2]; wants f32[]: rank 1 is not 0',
    '  inputs.x: is f64[3]; wants f32[3]: f64 is not f32',
    '  inputs.y: is unknown; there is x',
    '  keep.mean: is unknown; there is after, sum, before',
  ].join('\n'));
});

test.each([
  [f32(1, 2), 'is f32[2]; wants f32[3]: dimension 0 disagrees'],
  [{ dtype: 'f32', dims: [3], data: new Float32Array(2) } as TensorValue, 'is f32[3] with 2 elements; wants 3'],
  [{ dtype: 'f32', dims: [3], data: new Int32Array(3) } as TensorValue, 'is f32[3] with a Int32Array; wants a Float32Array'],
  [3 as unknown as TensorValue, 'is a number; wants a tensor'],
  [null as unknown as TensorValue, 'is null; wants a tensor'],
])('a wrong feed is refused: %j', async (x, says) => {
  const step = await host.compile(accumulate);
  await expect(step.run(await start(), { x })).rejects.toThrow(`  inputs.x: ${says}`);
});

test('what a kernel refuses is an error of that run alone, in one line', async () => {
  const pick = await host.compile(program('pick', {}, { x: type('f32[3]'), i: type('i64[1]') }, (_, { x, i }) => ({ outputs: { y: gather(x, i) } })));
  const at = (i: bigint) => pick.run({}, { x: f32(5, 6, 7), i: tensor('i64', [1], BigInt64Array.of(i)) });
  const [good, bad, after] = await Promise.allSettled([at(1n), at(9n), at(2n)]);
  expect((bad as PromiseRejectedResult).reason.message).toMatch(/^SessionError: program "pick": does not run: Gather.*: indices element out of data bounds, idx=9 .*$/);
  for (const [outcome, value] of [[good, 6], [after, 7]] as const) expect(outcome).toMatchObject({ status: 'fulfilled', value: { outputs: { y: f32(value) } } });
});

test('an output that breaks the promise of its signature is an error, and leaves no resident behind', async () => {
  const nonzero: Op = {
    name: 'nonzero', infer: () => [type('i64[1,2]')], eval: () => [new Float64Array(2)], lower: (emit, [x]) => emit.node('NonZero', [x!]),
  };
  const places = await host.compile(program('places', {}, { x: type('f32[3]') }, (_, { x }) => ({ outputs: { at: apply1(nonzero, [x]) } })));
  expect(numbers((await places.run({}, { x: f32(4, 0, 4) })).outputs.at)).toEqual([0, 2]);
  const before = [...host.residents];
  const says = "The output OrtValue provided for output 'at' of node 'places: nonzero #0' (NonZero) has shape {1,2} but the computed output shape for this run is {1,3}";
  await expect(places.run({}, { x: f32(4, 4, 4) })).rejects.toThrow(says);
  await expect(places.run({}, { x: f32(4, 4, 4) }, { keep: ['at'] })).rejects.toThrow(says);
  expect([...host.residents]).toEqual(before);
});

test('sizes that are known in a run only are held against the signature, too', async () => {
  const nonzero: Op = {
    name: 'nonzero', infer: ([x]) => [{ dtype: 'i64', dims: [1, x!.dims[0]!] }], eval: () => [new Float64Array(2)], lower: (emit, [x]) => emit.node('NonZero', [x!]),
  };
  const places = await host.compile(program('places', {}, { x: type('f32[N]') }, (_, { x }) => ({ outputs: { at: apply1(nonzero, [x]) } })));
  const before = [...host.residents];
  await expect(places.run({}, { x: f32(4, 0, 4) }, { keep: ['at'] })).rejects.toThrow('outputs.at: is i64[1,2]; wants i64[1,N]: dimension 1 disagrees, as x says N = 3');
  expect([...host.residents]).toEqual(before);
});

test('released memory is written to again, and what was fetched from it stays as it was', async () => {
  const step = await host.compile(accumulate);
  let state = await start();
  const seen: TensorValue[] = [];
  for (let i = 0; i < 40; i++) {
    const after = await step.run(state, { x: f32(1, 0, 0) }, { keep: i % 3 ? [] : ['after'] });
    seen.push(await host.get(after.state.total!));
    host.release([state.total!, ...(isResident(after.outputs.after) ? [after.outputs.after] : [])]);
    state = after.state;
  }
  expect(seen.map((value) => numbers(value)[0])).toEqual(Array.from({ length: 40 }, (_, i) => 3 + 2 * i));
});

test('a run that fails keeps no lent memory from the next', async () => {
  const pick = await host.compile(program('pick', { x: type('f32[3]') }, { i: type('i64[3]') }, ({ x }, { i }) => ({ next: { x: gather(x, i) }, outputs: {} })));
  const at = (...i: bigint[]) => ({ i: tensor('i64', [3], BigInt64Array.from(i)) }), state = { x: await host.put(f32(5, 6, 7)) };
  await expect(pick.run(state, at(0n, 9n, 0n))).rejects.toThrow('idx=9');
  expect(numbers(await host.get((await pick.run(state, at(2n, 1n, 0n))).state.x!))).toEqual([7, 6, 5]);
  expect(numbers(await host.get(state.x))).toEqual([5, 6, 7]);
});

test('runs that are asked for together run in order', async () => {
  const step = await host.compile(accumulate), state = await start(), finished: number[] = [];
  const runs = [3, 1, 2].map((n) => step.run(state, { x: f32(n, 0, 0) }).then(({ outputs }) => { finished.push(n); return numbers(outputs.sum)[0]; }));
  expect(await Promise.all(runs)).toEqual([12, 8, 10]);
  expect(finished).toEqual([3, 1, 2]);
});

test('a released program runs no more', async () => {
  const step = await host.compile(accumulate), state = await start();
  await Promise.all([step.release(), step.release()]);
  await expect(step.run(state, { x: f32(1, 1, 1) })).rejects.toThrow('program "accumulate": is released');
});

test('the main loop turns while a program runs', async () => {
  const busy = await host.compile(slow);
  let turns = 0;
  const timer = setInterval(() => { turns++; }, 1);
  try {
    await busy.run({}, { x: zeros });
  } finally {
    clearInterval(timer);
  }
  expect(turns).toBeGreaterThan(10);
});

test('closing waits for the run in progress; afterwards every call is refused', async () => {
  const brief = await createWorkerHost();
  const busy = await brief.compile(slow);
  const events: string[] = [];
  const run = busy.run({}, { x: zeros }).then(({ outputs }) => { events.push('answered'); return numbers(outputs.y); });
  await Promise.all([brief.close(), brief.close()]);
  events.push('closed');
  expect(await run).toEqual([0]);
  expect(events).toEqual(['answered', 'closed']);
  await expect(brief.put(f32(1))).rejects.toThrow('SessionError: session host (cpu): the session host is closed');
  await expect(busy.run({}, { x: zeros })).rejects.toThrow('program "slow": does not run: the session host is closed');
  brief.release([new Resident(1, 'f32', [])]);
  await busy.release();
});
