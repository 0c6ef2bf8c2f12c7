/** @file Files appear whole or not at all, and tensor files are read only when they are what they say. */
import { access, chmod, mkdir, mkdtemp, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { diskError, makeWritableFolder, writeAtomically, writeFolderAtomically } from '../../engine/journal/atomic.js';
import { hashFile, openSafetensors, writeSafetensors, type NamedTensor } from '../../engine/journal/safetensors.js';
import { tensor, type TensorValue } from '../../engine/spec/value.js';

let folder = '';
beforeEach(async () => { folder = await mkdtemp(join(tmpdir(), 'gantry-files-')); });
afterEach(() => rm(folder, { recursive: true, force: true }));

const failure = (code: string) => Object.assign(new Error(code), { code });

describe('atomic', () => {
  test('content is text, bytes, pieces, or whatever a function writes', async () => {
    const path = join(folder, 'file');
    async function* pieces() { yield 'a'; yield new Uint8Array([98]); }
    for (const [content, wanted] of [['text', 'text'], [new Uint8Array([104, 105]), 'hi'], [pieces(), 'ab']] as const) {
      await writeAtomically(path, content);
      expect(await readFile(path, 'utf8')).toBe(wanted);
    }
    await writeAtomically(path, async (file) => { await file.write('own'); });
    expect(await readFile(path, 'utf8')).toBe('own');
    expect(await readdir(folder)).toEqual(['file']);
  });

  test('a disk that fills up leaves the old file, no partial one, and a clear error with exit code 3', async () => {
    const path = join(folder, 'file');
    await writeAtomically(path, 'old');
    async function* full() { yield 'half of it'; throw failure('ENOSPC'); }
    const writing = writeAtomically(path, full());
    await expect(writing).rejects.toMatchObject({ exitCode: 3 });
    await expect(writing).rejects.toThrow(`${path}: can not be written: the disk is full (ENOSPC)\n  try free some space there`);
    expect(await readFile(path, 'utf8')).toBe('old');
    expect(await readdir(folder)).toEqual(['file']);
  });

  test('a folder is replaced whole, or stays', async () => {
    const path = join(folder, 'set');
    await writeFolderAtomically(path, (partial) => writeAtomically(join(partial, 'a'), '1'));
    await expect(writeFolderAtomically(path, async (partial) => {
      await writeAtomically(join(partial, 'b'), '2');
      throw failure('ENOSPC');
    })).rejects.toMatchObject({ exitCode: 3 });
    expect(await readdir(path)).toEqual(['a']);
    await writeFolderAtomically(path, (partial) => writeAtomically(join(partial, 'b'), '2'));
    expect(await readdir(path)).toEqual(['b']);
    expect(await readdir(folder)).toEqual(['set']);
  });

  test('a place that can not be written is the user\'s to change: exit code 2, with a remedy', async () => {
    const file = join(folder, 'file');
    await writeFile(file, '');
    await expect(makeWritableFolder(join(file, 'runs'))).rejects.toMatchObject({ exitCode: 2, message: expect.stringContaining('a part of the path is a file') });
    const shut = join(folder, 'shut');
    await mkdir(shut);
    await chmod(shut, 0o500);
    // The superuser may write anyway.
    const barred = await access(shut, 2).then(() => false, () => true);
    if (barred) await expect(makeWritableFolder(join(shut, 'runs'))).rejects.toMatchObject({ exitCode: 2 });
    expect(diskError(failure('EACCES'), 'x', 2)).toMatchObject({ exitCode: 2, message: expect.stringContaining('try another folder with --out') });
    expect(diskError(failure('ENOSPC'), 'x', 2)).toMatchObject({ exitCode: 3 });
    const other = new Error('a mistake of ours');
    expect(diskError(other, 'x')).toBe(other);
  });
});

describe('safetensors', () => {
  const values: Readonly<Record<string, TensorValue>> = {
    odd: tensor('u8', [3], new Uint8Array([1, 2, 3])),
    '10': tensor('f32', [2, 2], new Float32Array([1, -2, 3, Number.NaN])),
    'a.b/c "d"': tensor('i64', [1], new BigInt64Array([-(2n ** 62n)])),
    empty: tensor('f64', [0, 4], new Float64Array(0)),
    scalar: tensor('f64', [], new Float64Array([Math.PI])),
    whole: tensor('i32', [2], new Int32Array([7, -7])),
    flag: tensor('bool', [2], new Uint8Array([1, 0])),
  };
  const named = (): NamedTensor[] => Object.entries(values).map(([name, value]) => ({ name, dtype: value.dtype, dims: value.dims, data: () => value }));
  const write = async (tensors: readonly NamedTensor[]): Promise<{ path: string; hash: string }> => {
    const path = join(folder, 'file.safetensors');
    const file = await open(path, 'w');
    try { return { path, hash: await writeSafetensors(file, tensors) }; } finally { await file.close(); }
  };

  test('what is written is read back, in any order of writing the same bytes', async () => {
    const { path, hash } = await write(named());
    expect(await hashFile(path)).toBe(hash);
    const file = await openSafetensors(path);
    for (const [name, value] of Object.entries(values)) expect(await file.read(name)).toEqual(value);
    await expect(file.read('other')).rejects.toThrow('has no tensor "other"');
    await file.close();
    expect((await write(named().reverse())).hash).toBe(hash);
  });

  test('every tensor is aligned, the header is ordered by name', async () => {
    const bytes = await readFile((await write(named())).path);
    const length = Number(bytes.readBigUInt64LE());
    expect(length % 8).toBe(0);
    const text = bytes.toString('utf8', 8, 8 + length);
    const header = JSON.parse(text) as Record<string, { data_offsets: [number, number] }>;
    const names = Object.keys(values).sort();
    expect(names.map((name) => text.indexOf(JSON.stringify(name)))).toEqual(names.map((name) => text.indexOf(JSON.stringify(name))).sort((a, b) => a - b));
    for (const [name, { data }] of Object.entries(values)) expect(header[name]!.data_offsets[0] % data.BYTES_PER_ELEMENT).toBe(0);
  });

  test('two tensors of one name, or data of another size, are refused', async () => {
    const [first] = named();
    await expect(write([first!, first!])).rejects.toThrow('two tensors are named "10"');
    await expect(write([{ ...first!, dims: [5] }])).rejects.toThrow('"10" has 16 bytes, not those of f32[5]');
  });

  const craft = (header: string | object, data: number, length?: number): Buffer => {
    const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
    const prefix = Buffer.alloc(8);
    prefix.writeBigUInt64LE(BigInt(length ?? text.length));
    return Buffer.concat([prefix, text, Buffer.alloc(data)]);
  };
  const entry = (begin: number, end: number, more: object = {}) => ({ dtype: 'F32', shape: [(end - begin) / 4], data_offsets: [begin, end], ...more });
  test.each<[string, Buffer, RegExp]>([
    ['nothing', Buffer.alloc(0), /it has 0 bytes, not even a header length/],
    ['noise', Buffer.from('PK\u0003\u0004 some archive or other, surely'), /its header says \d+ bytes, the file has 34/],
    ['a header that is cut', craft('{"a":', 0), /its header is no JSON$/],
    ['a header that is a list', craft([], 0), /its header is no JSON object/],
    ['a header longer than the file', craft({}, 0, 1000), /its header says 1000 bytes, the file has 10/],
    ['data that is cut', craft({ a: entry(0, 8) }, 7), /its header describes \d+ bytes, the file has/],
    ['data too long', craft({ a: entry(0, 8) }, 9), /its header describes \d+ bytes, the file has/],
    ['an overlap', craft({ a: entry(0, 8), b: entry(4, 12) }, 12), /"b" starts at byte 4 of the data, inside the tensor before it/],
    ['a hole', craft({ a: entry(0, 8), b: entry(12, 16) }, 16), /"b" starts at byte 12 of the data, after a hole from 8/],
    ['offsets that run backwards', craft({ a: entry(8, 0) }, 8), /"a" has no/],
    ['a negative offset', craft({ a: entry(-8, 0) }, 8), /"a" has no pair of offsets in order/],
    ['a fractional size', craft({ a: entry(0, 8, { shape: [1.5] }) }, 8), /"a" has no shape of whole numbers/],
    ['a size that is not the data\'s', craft({ a: entry(0, 8, { shape: [3] }) }, 8), /"a" has 8 bytes, f32\[3\] takes 12/],
    ['a dtype that is not ours', craft({ a: entry(0, 8, { dtype: 'F8' }) }, 8), /"a" has dtype "F8"; wanted is one of F32 F64 I64 I32 U8 BOOL/],
    ['metadata that is no text', craft({ __metadata__: { a: 1 } }, 0), /__metadata__ holds more than strings/],
  ])('%s is refused, with the file and what is wrong', async (_what, bytes, says) => {
    const path = join(folder, 'bad.safetensors');
    await writeFile(path, bytes);
    const opening = openSafetensors(path);
    await expect(opening).rejects.toThrow(says);
    await expect(opening).rejects.toMatchObject({ exitCode: 2, message: expect.stringContaining(path) });
  });
});
