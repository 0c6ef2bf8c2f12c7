/** @file The conversation with a thread: order, failures, an end that nobody asked for, and one that was asked for. */
import { Worker } from 'node:worker_threads';
import { createChannel } from '../../engine/session/channel.js';

/** A thread that answers `get` with the id, fails on id 13, dies on id 666 and throws on id 667; it answers `close` and ends. */
const thread = () => new Worker(`
  const { parentPort } = require('node:worker_threads');
  parentPort.on('message', ({ number, call, ask }) => {
    if (call === 'close') { parentPort.postMessage({ number, answer: null }); return parentPort.close(); }
    if (ask.id === 666) process.exit(7);
    if (ask.id === 667) throw new Error('out of memory');
    parentPort.postMessage(ask.id === 13 ? { number, failed: 'resident 13 is not here' } : { number, answer: ask.id });
  });`, { eval: true, stderr: true });

test('answers find their calls, and a failure is its own call only', async () => {
  const channel = createChannel(thread());
  try {
    const answers = await Promise.allSettled([1, 13, 2].map((id) => channel.call('get', { id })));
    expect(answers.map((a) => (a.status === 'fulfilled' ? a.value : (a.reason as Error).message))).toEqual([1, 'resident 13 is not here', 2]);
  } finally {
    await channel.close();
  }
});

test.each([[666, /ended \(exit code 7\)/], [667, /ended \(out of memory\)/]])('a thread that ends by itself (%i) fails every call that waits, and later ones', async (id, says) => {
  const channel = createChannel(thread());
  const calls = [1, id, 2].map((each) => channel.call('get', { id: each }));
  const [first, second, third] = await Promise.allSettled(calls);
  expect(first).toMatchObject({ status: 'fulfilled', value: 1 });
  for (const outcome of [second, third]) expect(String((outcome as PromiseRejectedResult).reason)).toMatch(says);
  await expect(channel.call('get', { id: 1 })).rejects.toThrow(says);
  await channel.close();
});

test('closing waits for what was asked before, refuses what comes after, and may be repeated', async () => {
  const worker = thread(), channel = createChannel(worker);
  let code: number | undefined;
  worker.on('exit', (value) => { code = value; });
  const before = channel.call('get', { id: 5 });
  const closed = channel.close();
  await expect(channel.call('get', { id: 6 })).rejects.toThrow('is closed');
  await Promise.all([closed, channel.close()]);
  await expect(before).resolves.toBe(5);
  expect(code).toBe(0);
});
