/** @file Plugins are found by name, by file and by the `gantry` key of a package; one that fails names itself and leaves the others. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { defineNode } from '../../engine/dataflow/node.js';
import { builtInNames, findPlugin, loadPlugins } from '../../engine/registry/discover.js';
import { createEngine } from '../../engine/registry/engine.js';
import { definePlugin } from '../../engine/registry/plugin.js';
import { CLOCK } from '../../engine/registry/token.js';

const DOOR = new URL('../../engine/registry/plugin.js', import.meta.url).href;
const nodePlugin = (name: string, more = '') => `import { definePlugin } from '${DOOR}';\nexport default definePlugin({ name: '${name}', ${more} });\n`;

let home: string;
beforeAll(() => { home = mkdtempSync(join(tmpdir(), 'gantry-plugins-')); });
afterAll(() => rmSync(home, { recursive: true, force: true }));

const write = (path: string, text: string) => {
  mkdirSync(dirname(join(home, path)), { recursive: true });
  writeFileSync(join(home, path), text);
};
const node = (name: string) => defineNode({
  name, about: 'a node', config: z.strictObject({}), inputs: {}, outputs: {}, start: () => ({ state: 0, step: (state: number) => ({ state, outputs: {} }) }),
});

describe('finding', () => {
  test('a package is found in a node_modules folder above, by the file that its gantry key names', () => {
    write('project/node_modules/@lab/blur/package.json', '{"name":"@lab/blur","gantry":{"plugin":"./dist/p.js"}}');
    write('project/node_modules/@lab/blur/dist/p.js', '');
    write('project/node_modules/sharp-gan/package.json', '{"name":"sharp-gan","gantry":"./p.mjs"}');
    write('project/node_modules/sharp-gan/p.mjs', '');
    mkdirSync(join(home, 'project/deep/er'), { recursive: true });
    expect(findPlugin({ name: '@lab/blur', from: join(home, 'project/deep/er') })).toBe(join(home, 'project/node_modules/@lab/blur/dist/p.js'));
    expect(findPlugin({ name: 'sharp-gan', from: join(home, 'project') })).toBe(join(home, 'project/node_modules/sharp-gan/p.mjs'));
  });

  test('a package without the key, one whose file is missing, an unknown name and a missing file each say so', () => {
    write('project/node_modules/plain/package.json', '{"name":"plain"}');
    write('project/node_modules/gone/package.json', '{"name":"gone","gantry":"./gone.js"}');
    write('project/node_modules/torn/package.json', '{"name":');
    const find = (name: string) => () => findPlugin({ name, from: join(home, 'project') });
    expect(find('plain')).toThrow(/plugin "plain": the package carries no "gantry" key/);
    expect(find('gone')).toThrow(/plugin "gone": its package.json names .\/gone.js, and there is no such file/);
    expect(find('torn')).toThrow(/plugin "torn": .*package.json is not JSON/);
    expect(find('nowhere-gan')).toThrow(/plugin "nowhere-gan": no such plugin.*\n.*the search began in .*project\n {2}try npm install nowhere-gan/);
    expect(find('./absent.mjs')).toThrow(/plugin ".\/absent.mjs": there is no file .*project\/absent.mjs/);
  });
});

describe('loading', () => {
  test('plugins that fail say which and why, and the others stay', async () => {
    write('good.mjs', nodePlugin('good'));
    write('throws.mjs', 'throw new TypeError("no such thing");');
    write('syntax.mjs', 'export default {');
    write('none.mjs', 'export default { name: "none" };');
    write('needy.mjs', nodePlugin('needy', 'requires: ["absent"]'));
    write('needier.mjs', nodePlugin('needier', 'requires: ["needy", "good"]'));
    const names = ['good', 'throws', 'syntax', 'none', 'needy', 'needier', 'missing'].map((name) => ({ name: `./${name}.mjs`, from: home }));
    const { plugins, failures } = await loadPlugins(names);
    expect(plugins.map(({ parts }) => parts.name)).toEqual(['good']);
    const of = (plugin: string) => failures.find((failure) => failure.plugin === plugin)?.says;
    expect(of('./throws.mjs')).toMatch(/plugin ".\/throws.mjs": it fails to load: TypeError: no such thing\n {2}because .*throws.mjs is its file/);
    expect(of('./syntax.mjs')).toMatch(/fails to load: SyntaxError/);
    expect(of('./none.mjs')).toMatch(/its default export is no plugin; it wants `export default definePlugin/);
    expect(of('needy')).toMatch(/it requires absent, which did not load/);
    expect(of('needier')).toMatch(/it requires needy, which did not load/);
    expect(of('./missing.mjs')).toMatch(/there is no file/);
    expect(failures).toHaveLength(6);
  });

  test('a plugin named twice loads once', async () => {
    write('once.mjs', nodePlugin('once'));
    const { plugins } = await loadPlugins([{ name: './once.mjs', from: home }, { name: join(home, 'once.mjs'), from: '/' }]);
    expect(plugins).toHaveLength(1);
  });
});

describe('the engine', () => {
  test('the built-in plugins all load', async () => {
    const engine = await createEngine();
    expect(engine.failures).toEqual([]);
    expect(engine.plugins).toHaveLength(builtInNames().length);
    await engine.close();
  });

  test('holds the node types and parts of the plugins', async () => {
    const backbone = { kind: 'flavour', name: 'vanilla', value: 7 };
    const engine = await createEngine({ modules: [definePlugin({ name: 'mine', nodes: [node('mine/one')], components: [backbone] })] });
    expect(engine.types.get('mine/one')?.about).toBe('a node');
    expect(engine.services.component('flavour', 'vanilla')).toBe(7);
    expect(() => engine.services.component('flavour', 'vanila')).toThrow('InputError: flavour "vanila": there is no such flavour; at hand: vanilla\n  try "vanilla"');
    await engine.close();
  });

  test('two parts of one name are an error that names both plugins', async () => {
    const modules = [definePlugin({ name: 'first', nodes: [node('same/name')] }), definePlugin({ name: 'second', nodes: [node('same/name')] })];
    await expect(createEngine({ modules })).rejects.toThrow('node "same/name": the plugins first, second both define it');
    await expect(createEngine({ modules: [definePlugin({ name: 'twin' }), definePlugin({ name: 'twin' })] })).rejects.toThrow('plugin "twin": two plugins have this name');
  });

  test('a plugin may rebind what the engine binds, and one that fails to bind leaves the others', async () => {
    const late = definePlugin({ name: 'late', bind: ({ rebind }) => rebind(CLOCK).toConstantValue({ now: () => 42 }) });
    const broken = definePlugin({ name: 'broken', nodes: [node('broken/one')], bind: () => { throw new Error('nothing to bind'); } });
    const engine = await createEngine({ modules: [broken, late] });
    expect(engine.clock.now()).toBe(42);
    expect(engine.failures).toContainEqual({ plugin: 'broken', says: 'it fails to bind its parts: nothing to bind' });
    expect(engine.types.has('broken/one')).toBe(false);
    await engine.close();
  });

  test('what only composes starts no session host', async () => {
    const engine = await createEngine();
    expect(engine.services.host.residents.size).toBe(0);
    await engine.close();
    expect(process.getActiveResourcesInfo()).not.toContain('MessagePort');
  });
});
