/** @file Pages of captioned image grids, and heat maps: as files, and in the report. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decode } from 'fast-png';
import { drawHeat } from '../../engine/journal/heat.js';
import { createJournal, parsePictureName } from '../../engine/journal/journal.js';
import { encodeGrid, encodePicture } from '../../engine/journal/picture.js';
import { writeReport, type ReportContent } from '../../engine/journal/report.js';
import { layoutOf } from '../../engine/journal/run-directory.js';
import type { HeatMap, ImageGrid, Pages } from '../../engine/spec/picture.js';
import { tensor } from '../../engine/spec/value.js';

const grid = (title: string, captions?: readonly string[]): ImageGrid => ({
  kind: 'images', title, columns: 2, apart: 1, images: tensor('f32', [4, 1, 3, 3], Float32Array.from({ length: 36 }, (_, i) => i / 18 - 1)), ...(captions && { captions }),
});

test('a grid with captions is an SVG: the same grid as PNG inside, each row with its lines beside it', async () => {
  const { ending, bytes } = await encodePicture(grid('A & <b>', ['7: <two>\nsecond line', '8: empty'])), svg = Buffer.from(bytes).toString();
  expect([ending, /<title>(.*?)<\/title>/.exec(svg)![1]]).toEqual(['svg', 'A &amp; &lt;b&gt;']);
  const inside = Buffer.from(/base64,([^"]*)"/.exec(svg)![1]!, 'base64'), plain = await encodeGrid(grid('A & <b>'));
  expect(inside.equals(plain)).toBe(true);
  const texts = [...svg.matchAll(/<text( class="first")? x="([\d.]+)" y="([\d.]+)">(.*?)<\/text>/g)].map(([, first, x, y, text]) => ({ first: Boolean(first), x: Number(x), y: Number(y), text }));
  expect(texts.map(({ first, text }) => [first, text])).toEqual([[true, '7: &lt;two&gt;'], [false, 'second line'], [true, '8: empty']]);
  // Words stand to the right of the image, and beside their own row of it.
  const [, width, height] = /<image width="([\d.]+)" height="([\d.]+)"/.exec(svg)!.map(Number) as [number, number, number];
  expect(width / height).toBeCloseTo(decode(plain).width / decode(plain).height, 2);
  for (const { x } of texts) expect(x).toBeGreaterThan(width);
  expect(texts.map(({ y }) => Math.floor((2 * y) / height))).toEqual([0, 0, 1]);
  expect((await encodePicture(grid('plain'))).ending).toBe('png');
});

const heat: HeatMap = { kind: 'heat', title: 'sizes <over> time', rows: ['a', 'b'], waves: [0, 100, 200], values: Float32Array.of(9, 9, 1, 0, 3, 3), levels: [2, 4], line: { name: 'moved & more', values: Float32Array.of(Number.NaN, 0.4, 0.2) } };

test('a heat map has a path a shade, neighbours alike as one, nothing for 0; names, waves, a scale and the curve', async () => {
  const svg = await drawHeat(heat), paths = [...svg.matchAll(/<path fill="(#\w+)" d="([^"]*)"/g)].map(([, colour, path]) => ({ colour, path }));
  expect(paths.map(({ path }) => path)).toEqual(['M280 0h140v14h-140z', 'M140 14h280v14h-280z', 'M0 0h280v14h-280z']);
  // The larger the darker.
  const light = paths.map(({ colour }) => [1, 3, 5].reduce((sum, i) => sum + Number.parseInt(colour!.slice(i, i + 2), 16), 0));
  expect(light).toEqual([...light].sort((a, b) => b - a));
  for (const text of ['a', 'b', '0', '100', '200', '2', '4', 'moved &amp; more']) expect(svg).toContain(`>${text}</text>`);
  expect(/class="line" d="([^"]*)"/.exec(svg)![1]).toBe('M210 0L350 28');
  expect(svg).not.toMatch(/NaN|undefined|Infinity/);
});

test('a heat map of one clustering has no curve to draw; sizes that disagree are refused', async () => {
  const svg = await drawHeat({ ...heat, waves: [0], values: Float32Array.of(1, 5), line: { name: 'moved', values: Float32Array.of(Number.NaN) } });
  expect(svg).not.toMatch(/NaN|undefined|Infinity|class="line"/);
  await expect(drawHeat({ ...heat, values: new Float32Array(5) })).rejects.toThrow('wanted are 2 x 3');
  await expect(drawHeat({ ...heat, line: { name: 'moved', values: new Float32Array(2) } })).rejects.toThrow(RangeError);
});

test('more rows than pixels are drawn, and names thinned', async () => {
  const rows = Array.from({ length: 1000 }, (_, i) => `r${i}`), svg = await drawHeat({ kind: 'heat', title: 'many', rows, waves: [0, 1], values: Float32Array.from({ length: 2000 }, (_, i) => 1 + (i >> 1) % 5), levels: [2, 3, 4] });
  expect(svg.match(/M0 [\d.]+h420v0.42h-420z/g)).toHaveLength(1000);
  expect(svg.match(/>r\d+<\/text>/g)!.length).toBeLessThan(45);
});

describe('pages', () => {
  let directory = '';
  beforeEach(async () => { directory = await mkdtemp(join(tmpdir(), 'gantry-pages-')); });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  const pages = (wave: number): Pages => ({ kind: 'pages', title: 'clusters', pages: [0, 1, 2].map((i) => grid(`page ${i} of wave ${wave}`, [`${i} first`, `${i} second`])) });
  const written = async () => {
    const journal = createJournal({ directory, portType: () => '@picture' });
    for (const wave of [0, 5]) journal.record({ type: 'wave', wave, completed: wave + 1, snapshot: { waves: wave + 1, nodes: {} }, outputs: { 'my-node': { picture: pages(wave), sizes: heat } } });
    await journal.flush();
    return journal;
  };

  const report = async () => {
    const content: ReportContent = {
      record: { name: 'run', seed: 1, device: 'cpu', versions: {}, command: [], started: '' }, status: 'finished', completed: 6, waves: 6, drawing: { nodes: [] }, graph: {},
    };
    await writeReport(layoutOf(directory), content);
    return readFile(join(directory, 'report.html'), 'utf8');
  };

  test('are a file each, whose names say page and wave; a resume drops those of later waves', async () => {
    const journal = await written(), names = async () => (await readdir(join(directory, 'pictures'))).sort();
    expect(await names()).toEqual([
      ...[1, 2, 3].flatMap((page) => [0, 5].map((wave) => `my-node-picture.00${page}-00000000${wave}.svg`)), 'my-node-sizes-000000000.svg', 'my-node-sizes-000000005.svg',
    ]);
    expect(parsePictureName('my-node-picture.002-000000005.svg')).toEqual({ port: 'my-node-picture', page: 2, wave: 5 });
    await journal.cutBack(5, [], {});
    expect((await names()).every((name) => name.endsWith('000.svg'))).toBe(true);
  });

  test('stand in the report as of the last wave, the first one open', async () => {
    await written();
    const html = await report();
    expect([...html.matchAll(/<details class="page"( open)?><summary>(.*?)<\/summary>/g)].map(([, open, title]) => [Boolean(open), title])).toEqual([
      [true, 'page 0 of wave 5, wave 5'], [false, 'page 1 of wave 5, wave 5'], [false, 'page 2 of wave 5, wave 5'],
    ]);
    expect(html.match(/class="captioned"/g)).toHaveLength(3);
    expect(html).toContain('sizes &lt;over&gt; time, wave 5');
    expect(html).not.toContain('in the folder of pictures');
  });

  test('that are too much for the report are named there', async () => {
    await written();
    const second = join(directory, 'pictures', 'my-node-picture.002-000000005.svg');
    await writeFile(second, `${await readFile(second, 'utf8')}<!--${' '.repeat(16 << 20)}-->`);
    const html = await report();
    expect(html.match(/class="captioned"/g)).toHaveLength(1);
    expect(html).toContain('2 more, from my-node-picture.002-000000005.svg on, in the folder of pictures.');
  });
});
