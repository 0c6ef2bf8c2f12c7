/** @file Who may import whom, read from the import statements themselves. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const sources = (folder: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts')).map((name) => `${folder}/${name}`);

interface Import { readonly file: string; readonly of: string; readonly line: number }
const IMPORT = /^\s*(?:import|export)\b[^'"\n;]*?(?:\bfrom\s*)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)|^\s*}\s*from\s*['"]([^'"]+)['"]/gm;

/** Every import of a file; relative ones as paths from the root. */
function imports(file: string): Import[] {
  const text = readFileSync(join(root, file), 'utf8');
  return [...text.matchAll(IMPORT)].map((match) => {
    const name = (match[1] ?? match[2] ?? match[3])!;
    const of = name.startsWith('.') ? relative(root, resolve(root, dirname(file), name)).replace(/\.js$/, '.ts') : name;
    return { file, of, line: text.slice(0, match.index).split('\n').length };
  });
}

const LAYERS = ['spec', 'tensor', 'session', 'dataflow', 'training', 'journal', 'registry', 'cli'];
const layer = (path: string) => LAYERS.indexOf(/^engine\/([^/]+)\//.exec(path)?.[1] ?? '');
const engine = sources('engine').flatMap(imports), plugins = sources('plugins').flatMap(imports);
const told = (wrong: readonly Import[]) => wrong.map(({ file, of, line }) => `${file}:${line} imports ${of}`);

test('the imports are found at all', () => {
  expect(engine.filter(({ file, of }) => file === 'engine/dataflow/run.ts' && of === 'rxjs').length).toBe(1);
  expect(engine.filter(({ file, of }) => file === 'engine/dataflow/face.ts' && of === 'engine/spec/issue.ts').length).toBe(1);
});

test('a folder of the engine imports only folders to its left', () => {
  const wrong = engine.filter(({ file, of }) => layer(file) >= 0 && of.startsWith('engine/') && layer(of) > layer(file));
  expect(told(wrong)).toEqual([]);
});

test('no folder of the engine imports the door, which imports them all', () => {
  expect(told(engine.filter(({ of }) => of === 'engine/index.ts'))).toEqual([]);
});

test('the engine imports no plugin, and nothing imports tests', () => {
  expect(told([...engine, ...plugins].filter(({ file, of }) => /^(test|bench)\//.test(of) || (file.startsWith('engine/') && of.startsWith('plugins/'))))).toEqual([]);
});

test('plugins import the door, themselves and packages; never another plugin', () => {
  const family = (path: string) => path.split('/')[1];
  const wrong = plugins.filter(({ file, of }) => (of.startsWith('engine/') && of !== 'engine/index.ts') || (of.startsWith('plugins/') && family(of) !== family(file)));
  expect(told(wrong)).toEqual([]);
});

test.each([
  ['rxjs', /^engine\/dataflow\/run\.ts$/],
  ['inversify', /^engine\/registry\//],
  ['reflect-metadata', /^engine\/registry\//],
  ['onnxruntime-node', /^engine\/session\/onnxruntime\.ts$/],
])('%s is imported in its one place only', (name, place) => {
  const users = [...engine, ...plugins].filter(({ of }) => of === name || of.startsWith(`${name}/`));
  expect(told(users.filter(({ file }) => !place.test(file)))).toEqual([]);
});

test('a file is read in one sitting', () => {
  const long = [...sources('engine'), ...sources('plugins')]
    .map((file) => ({ file, lines: readFileSync(join(root, file), 'utf8').split('\n').length }))
    .filter(({ lines }) => lines > 401);
  expect(long).toEqual([]);
});

test('no name says nothing', () => {
  const empty = [...sources('engine'), ...sources('plugins')].filter((file) => /(^|[/-])(utils?|helpers?|common|misc|manager|base|impl)(\.|-|\/)/.test(file));
  expect(empty).toEqual([]);
});
