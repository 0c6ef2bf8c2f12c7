/** @file The report holds everything, escaped, in one file that fetches nothing; drawings and charts say what is there. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { drawChart, groupSeries, type Series } from '../../engine/journal/chart.js';
import { drawingOf, drawMermaid, drawSvg, drawText, type Drawing } from '../../engine/journal/draw.js';
import { createJournal } from '../../engine/journal/journal.js';
import { layOut } from '../../engine/journal/layout.js';
import { writeReport, type ReportContent } from '../../engine/journal/report.js';
import { layoutOf } from '../../engine/journal/run-directory.js';
import { short, ticks } from '../../engine/journal/svg.js';
import type { Plan } from '../../engine/dataflow/plan.js';
import { tensor } from '../../engine/spec/value.js';

const drawing: Drawing = { nodes: [
  { id: 'data', type: 'data/mixture', inputs: [], outputs: [{ name: 'image', type: 'f32[64,2]' }, { name: 'label', type: 'i64<8>[64]' }] },
  { id: 'probe', type: 'core/probe', inputs: [{ name: 'image', from: 'data', output: 'image', clock: 'event' }, { name: 'weights', from: 'train', output: 'weights', clock: 'previous' }], outputs: [{ name: 'feature', type: 'f32[64,8]' }] },
  { id: 'train', type: 'train/gan', inputs: [{ name: 'image', from: 'data', output: 'image', clock: 'event' }, { name: 'feature', from: 'probe', output: 'feature', clock: 'latest' }], outputs: [{ name: 'weights', type: '@weights' }] },
] };

describe('report', () => {
  let directory = '';
  beforeEach(async () => { directory = await mkdtemp(join(tmpdir(), 'gantry-report-')); });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  const content: ReportContent = {
    record: { name: 'ring <1>', seed: 7, device: 'cpu', versions: { gantry: '0.1.0' }, command: ['gantry', 'run', '"x" & <y>'], started: '2026-01-01T00:00:00Z', resumed: [{ waves: 40, at: '2026-01-02T00:00:00Z' }] },
    about: 'Labels are <clusters> & such.', status: 'stopped', completed: 120, waves: 200, drawing, graph: { nodes: { data: { config: { path: '</script><b>' } } } },
  };
  const report = async () => {
    await writeReport(layoutOf(directory), content);
    return readFile(join(directory, 'report.html'), 'utf8');
  };

  test('a whole run is in it: results beside those of wave 0, pictures over time, curves, times, remarks, the graph', async () => {
    const journal = createJournal({ directory, portType: (_node, port) => ({ loss: '@metrics', score: '@metrics', view: '@picture', plot: '@picture' })[port] });
    for (let wave = 0; wave < 120; wave++) {
      journal.record({ type: 'stepped', wave, node: 'train', outputs: {}, ms: 3 });
      const rare = wave % 40 === 0;
      journal.record({ type: 'wave', wave, completed: wave + 1, snapshot: { waves: wave + 1, nodes: {} }, outputs: {
        train: { loss: { 'generator.loss': 1 / (wave + 1), 'discriminator.loss': wave } },
        ...(rare ? { test: {
          score: { modes: wave / 5 },
          view: { kind: 'images', title: 'Faces & <co>', images: tensor('f32', [4, 1, 2, 2], new Float32Array(16)) },
          plot: { kind: 'scatter', title: 'Points', series: [{ name: 'fake', points: new Float32Array([0, 0, 1, 1]) }] } } } : {}),
      } });
    }
    journal.note('a remark with <tags>');
    await journal.flush();
    const html = await report();
    expect(html).toContain('<h1>ring &lt;1&gt;</h1><p class="about">Labels are &lt;clusters&gt; &amp; such.</p>');
    expect(html).toContain('Stopped: 120 of 200 waves · seed 7 · cpu');
    expect(html).toContain('<div class="name">modes</div><div class="value">16</div><div class="before">test, wave 80<br>wave 0: 0</div>');
    expect(html).toContain('Faces &amp; &lt;co&gt;, wave 80');
    expect(html.match(/src="data:image\/png;base64,/g)).toHaveLength(3);
    expect(html.match(/class="scatter"/g)).toHaveLength(3);
    expect(html).toContain('<figcaption>train.loss</figcaption>');
    expect(html).toContain('<tr><th>train.generator.loss<td>1<td>0.009009<td>1<td>0.009009<td>110');
    expect(html).toContain('<tr><th>train<td>100<td>3 ms');
    expect(html).toContain('wave 120: a remark with &lt;tags&gt;');
    expect(html).toContain('2026-01-02T00:00:00Z, after 40 waves');
    expect(html).toContain('train/gan');

    // Self-contained: no scripts, no tags from data, no address but the names of XML.
    expect(html).not.toMatch(/<script|<link|<iframe|<clusters>|<tags>|<b>"/i);
    expect(html.replaceAll('xmlns="http://www.w3.org/2000/svg"', '')).not.toMatch(/(https?:)?\/\/\w/);
    expect(await readdir(directory)).not.toContain('report.html.partial');
  });

  test('a run that has logged nothing yet has a report as well', async () => {
    const html = await report();
    expect(html).toContain('The graph');
    expect(html).not.toMatch(/<h2>(Results|Pictures|Curves)/);
    expect(html).not.toMatch(/NaN|undefined|Infinity/);
  });
});

describe('chart', () => {
  const series = (name: string, values: readonly number[]): Series => ({ name, waves: values.map((_, i) => i * 10), values });

  test('the roles of one quantity share a chart, other metrics have their own', () => {
    const groups = groupSeries(['train.generator.loss', 'train.discriminator.loss', 'train.r1', 'other.loss', 'train.realLogit', 'train.fake_logit'].map((name) => series(name, [1])));
    expect(groups.map(({ title, series: members }) => [title, members.length])).toEqual([['train.loss', 2], ['train.r1', 1], ['other.loss', 1], ['train.logit', 2]]);
  });

  test('many values become at most 400 points with a band around them', () => {
    const svg = drawChart({ title: 'a', series: [series('a.b', Array.from({ length: 10_000 }, (_, i) => Math.sin(i)))] });
    const line = /class="line"[^>]* d="([^"]*)"/.exec(svg)![1]!;
    expect(line.split('L').length).toBe(400);
    expect(svg).toContain('class="band"');
  });

  test('the scale is logarithmic where values are positive and span decades; what is not finite is left out', () => {
    expect(drawChart({ title: 'a', series: [series('a.b', [0.001, 1, 100])] })).toContain('log scale');
    expect(drawChart({ title: 'a', series: [series('a.b', [0, 1, 100])] })).not.toContain('log scale');
    const gaps = drawChart({ title: 'a', series: [series('a.b', [1, Number.NaN, 2, Number.POSITIVE_INFINITY])] });
    expect(gaps).not.toMatch(/NaN|Infinity/);
    expect(drawChart({ title: 'a', series: [series('a.b', [Number.NaN])] })).toContain('no finite value');
    expect(drawChart({ title: 'a', series: [series('a.b', [5])] })).not.toMatch(/NaN|Infinity/);
  });

  test('ticks are round and numbers short', () => {
    expect(ticks(0, 1, 4)).toEqual([0, 0.5, 1]);
    expect(ticks(-0.31, 0.29, 5)).toEqual([-0.2, 0, 0.2]);
    expect(ticks(3, 3, 4)).toEqual([3]);
    expect([0, 0.00001234, 0.123456, 12.3456, 1234.56, 25000, 1e9, -3, Number.NaN].map(short))
      .toEqual(['0', '1.23e-5', '0.1235', '12.35', '1,234.6', '25,000', '1e9', '-3', 'NaN']);
  });
});

describe('drawing', () => {
  test('boxes do not overlap, and stand to the right of what feeds them', () => {
    // Seeded: a linear congruential generator, seed 5.
    let seed = 5;
    const below = (n: number) => { seed = (seed * 1103515245 + 12345) % 2 ** 31; return seed % n; };
    const boxes = Array.from({ length: 14 }, (_, i) => ({ id: `n${i}`, width: 60 + below(90), height: 40 + below(80) }));
    const wires = Array.from({ length: 24 }, () => ({ from: `n${below(14)}`, to: `n${below(14)}`, out: below(40), in: below(40) }));
    const { places, routes, width, height } = layOut(boxes, wires);
    const at = (id: string) => ({ ...places.get(id)!, ...boxes.find((box) => box.id === id)! });
    for (const [i, a] of boxes.entries()) {
      for (const b of boxes.slice(i + 1)) {
        const [p, q] = [at(a.id), at(b.id)];
        expect(p.x + p.width <= q.x || q.x + q.width <= p.x || p.y + p.height <= q.y + 1e-6 || q.y + q.height <= p.y + 1e-6).toBe(true);
      }
      expect(at(a.id).x + a.width).toBeLessThanOrEqual(width);
      expect(at(a.id).y + a.height).toBeLessThanOrEqual(height + 1e-6);
    }
    wires.forEach((wire, i) => {
      const forward = Number(wire.from.slice(1)) < Number(wire.to.slice(1));
      expect(routes[i] === 'back').toBe(!forward);
      if (forward) expect(at(wire.from).x + at(wire.from).width).toBeLessThan(at(wire.to).x);
    });
  });

  test('the SVG names every node, port and type, and dashes held edges', () => {
    const svg = drawSvg(drawing);
    for (const text of ['>data<', '>core/probe<', 'i64&lt;8&gt;[64]', 'data.image → train.image: f32[64,2]', 'train.weights → probe.weights: @weights, previous']) expect(svg).toContain(text);
    expect(svg.match(/<path class="wire[^>]*><title>/g)).toHaveLength(4);
    expect(svg).toMatch(/stroke-dasharray="5 4"><title>probe\.feature → train\.feature/);
    expect(svg).toMatch(/stroke-dasharray="1\.5 4"><title>train\.weights/);
    expect(drawSvg({ nodes: [] })).not.toMatch(/NaN|Infinity/);
  });

  test('Mermaid and text say the same', () => {
    expect(drawMermaid(drawing)).toBe([
      'flowchart LR', '  n_data["data: data/mixture"]', '  n_probe["probe: core/probe"]', '  n_train["train: train/gan"]',
      '  n_data -- "image f32[64,2]" --> n_probe', '  n_train -. "weights @weights, previous" .-> n_probe',
      '  n_data -- "image f32[64,2]" --> n_train', '  n_probe -. "feature f32[64,8], latest" .-> n_train', ''].join('\n'));
    expect(drawText(drawing)).toContain('train  (train/gan)\n  image    <- data.image\n  feature  <- probe.feature  (latest)\n  weights  -> @weights\n');
  });

  test('a plan is drawn with resolved types', () => {
    const node = { id: 'a', type: { name: 'x/y' }, edges: [{ port: 'p', from: 'b', output: 'q', clock: 'latest', optional: false }], outputs: { r: 'f32[N]', s: '@t' } };
    const plan = { nodes: [node], outputType: (_node: string, port: string) => (port === 'r' ? { dtype: 'f32', dims: [4] } : '@t') } as unknown as Plan;
    expect(drawingOf(plan)).toEqual({ nodes: [{
      id: 'a', type: 'x/y', inputs: [{ name: 'p', from: 'b', output: 'q', clock: 'latest' }], outputs: [{ name: 'r', type: 'f32[4]' }, { name: 's', type: '@t' }] }] });
  });
});
