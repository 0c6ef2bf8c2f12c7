/** @file The report of a run: one HTML file that needs nothing else, in light and dark, on screen and on paper. It is written piece by piece. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomically } from './atomic.js';
import { drawChart, groupSeries, type Series } from './chart.js';
import { duration } from './console.js';
import { drawSvg, type Drawing } from './draw.js';
import { NOTES, parsePictureName, TIMING } from './journal.js';
import { readLog } from './log.js';
import { titleOf } from './picture.js';
import { STYLE } from './report-style.js';
import type { RunDirectory, RunRecord } from './run-directory.js';
import { escapeText, short } from './svg.js';

export interface ReportContent {
  readonly record: RunRecord;
  /** The graph's own sentence. */
  readonly about?: string;
  readonly status: 'running' | 'finished' | 'stopped' | 'failed';
  /** Waves completed, and asked for. */
  readonly completed: number;
  readonly waves: number;
  readonly drawing: Drawing;
  /** The resolved graph, as it stands in graph.json. */
  readonly graph: unknown;
}

type Layout = Pick<RunDirectory, 'report' | 'path' | 'metrics' | 'pictures'>;

/** Writes report.html from what the journal has written so far (await its `flush` first). Throws a GantryError when the disk is full. */
export const writeReport = (directory: Layout, content: ReportContent): Promise<void> => writeAtomically(directory.report, pieces(directory, content));

async function* pieces(directory: Layout, { record, about, status, completed, waves, drawing, graph }: ReportContent): AsyncGenerator<string> {
  const series = await readMetrics(directory.metrics);
  const results = resultsOf(series);
  yield head(record.name);
  yield `<header><h1>${escapeText(record.name)}</h1>${about ? `<p class="about">${escapeText(about)}</p>` : ''}`
    + `<p class="meta">${STATUS[status]} ${short(completed)} of ${short(waves)} waves · seed ${record.seed} · ${escapeText(record.device)}</p></header><main>`;
  if (results.length) yield section('Results', `<div class="tiles">${results.map(tile).join('')}</div>`);
  yield* pictures(directory.pictures);
  if (series.length) {
    yield '<section><h2>Curves</h2><div class="charts">';
    for (const group of groupSeries(series)) yield drawChart(group);
    yield '</div></section>';
    yield section('All metrics', `<table><thead><tr><th>metric<th>first<th>least<th>greatest<th>last<th>at wave</thead><tbody>${series.map(row).join('')}</tbody></table>`);
  }
  yield section('The graph', `<div class="drawing">${drawSvg(drawing)}</div><details><summary>The resolved graph as JSON</summary><pre>${escapeText(JSON.stringify(graph, null, 2))}</pre></details>`);
  yield section('What ran', ran(record));
  yield await timing(join(directory.path, TIMING));
  yield await notes(join(directory.path, NOTES));
  yield '</main>\n</html>\n';
}

const STATUS = { running: 'Running:', finished: 'Finished:', stopped: 'Stopped:', failed: 'Failed:' } as const;

const head = (title: string): string => '<!doctype html>\n<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
  + '<meta name="color-scheme" content="light dark"><meta http-equiv="Content-Security-Policy" content="default-src \'none\'; style-src \'unsafe-inline\'; img-src data:">'
  + `<title>${escapeText(title)}</title><style>${STYLE}</style>\n`;
const section = (title: string, body: string): string => `<section><h2>${escapeText(title)}</h2>${body}</section>\n`;

async function readMetrics(path: string): Promise<Series[]> {
  const series = new Map<string, { waves: number[]; values: number[] }>();
  for await (const { line: { wave, ...metrics } } of readLog(path)) {
    for (const [name, value] of Object.entries(metrics)) {
      const one = series.get(name) ?? { waves: [], values: [] };
      series.set(name, one);
      one.waves.push(wave);
      one.values.push(typeof value === 'number' ? value : Number.NaN);
    }
  }
  return [...series].map(([name, one]) => ({ name, ...one })).sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The metrics of evaluations: those that are logged at most half as often as the most frequent one; all, where they are equally frequent. */
function resultsOf(series: readonly Series[]): readonly Series[] {
  const most = Math.max(0, ...series.map(({ waves }) => waves.length));
  const rare = series.filter(({ waves }) => waves.length * 2 <= most);
  return rare.length ? rare : series;
}

const tile = ({ name, waves, values }: Series): string => {
  const dot = name.indexOf('.');
  const before = values.length > 1 ? `wave ${short(waves[0]!)}: ${short(values[0]!)}` : '';
  return `<div class="tile"><div class="name">${escapeText(name.slice(dot + 1)).replaceAll('_', '_<wbr>')}</div><div class="value">${short(values.at(-1)!)}</div>`
    + `<div class="before">${escapeText(name.slice(0, dot))}, wave ${short(waves.at(-1)!)}${before ? `<br>${before}` : ''}</div></div>`;
};

function row({ name, waves, values }: Series): string {
  const finite = values.filter(Number.isFinite);
  const least = finite.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const greatest = finite.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const cells = [values[0]!, finite.length ? least : Number.NaN, finite.length ? greatest : Number.NaN, values.at(-1)!].map((value) => `<td>${short(value)}`);
  return `<tr><th>${escapeText(name)}${cells.join('')}<td>${short(waves.at(-1)!)}`;
}

const STRIP = 7;
/** Strips grow shorter where pictures are large, so that the file stays one that a browser likes to open. */
const STRIP_BYTES = 8 << 20;

async function* pictures(folder: string): AsyncGenerator<string> {
  const files = (await readdir(folder).catch(() => [])).sort();
  const ports = new Map<string, string[]>();
  for (const file of files) {
    const name = parsePictureName(file);
    if (name) ports.set(name.port, [...(ports.get(name.port) ?? []), file]);
  }
  if (!ports.size) return;
  yield '<section><h2>Pictures</h2>';
  for (const [, names] of ports) yield* parsePictureName(names[0]!)!.page ? pages(folder, names) : picture(folder, names);
  yield '</section>\n';
}

/** The last picture of a port large, and earlier ones small. */
async function* picture(folder: string, names: readonly string[]): AsyncGenerator<string> {
  const last = names.at(-1)!, bytes = await readFile(join(folder, last));
  yield `<figure class="picture"><figcaption>${captionOf(last, bytes)}</figcaption><div class="large">`;
  yield* inline(last, bytes);
  yield '</div>';
  const earlier = spread(names.slice(0, -1), Math.min(STRIP, Math.floor(STRIP_BYTES / bytes.length)));
  if (earlier.length) {
    yield '<div class="strip">';
    for (const name of earlier) {
      yield '<figure>';
      yield* inline(name, await readFile(join(folder, name)));
      yield `<figcaption>wave ${short(waveOf(name))}</figcaption></figure>`;
    }
    yield '</div>';
  }
  yield '</figure>';
}

/** Pages are many: so much of them is inside the report. */
const PAGES_BYTES = 16 << 20;

/** The last pages of a port, of which the first is open; earlier ones, and those that are too much, stay in their folder. */
async function* pages(folder: string, names: readonly string[]): AsyncGenerator<string> {
  const wave = Math.max(...names.map(waveOf)), last = names.filter((each) => waveOf(each) === wave);
  let total = 0;
  yield '<figure class="picture">';
  for (const [i, name] of last.entries()) {
    const bytes = await readFile(join(folder, name));
    total += bytes.length;
    if (i && total > PAGES_BYTES) {
      yield `<p class="meta">${last.length - i} more, from ${escapeText(name)} on, in the folder of pictures.</p>`;
      break;
    }
    yield `<details class="page"${i ? '' : ' open'}><summary>${captionOf(name, bytes)}</summary><div class="large">`;
    yield* inline(name, bytes);
    yield '</div></details>';
  }
  yield '</figure>';
}

const captionOf = (file: string, bytes: Buffer): string => `${titleOf(file, bytes) || escapeText(file)}, wave ${short(waveOf(file))}`;
const waveOf = (file: string): number => parsePictureName(file)!.wave;

/** Bytes that become base64 at once: a multiple of three, so that the pieces join without padding. */
const PIECE = 3 << 17;

/** A picture inside the page. */
function* inline(file: string, bytes: Buffer): Generator<string> {
  if (file.endsWith('.svg')) return yield bytes.toString();
  yield `<img alt="${escapeText(file)}" src="data:image/png;base64,`;
  for (let start = 0; start < bytes.length; start += PIECE) yield bytes.toString('base64', start, Math.min(bytes.length, start + PIECE));
  yield '">';
}

/** At most `count` of them, evenly spread, the first among them. */
const spread = <T>(all: readonly T[], count: number): T[] =>
  Array.from({ length: Math.min(count, all.length) }, (_, i) => all[Math.floor(i * all.length / Math.min(count, all.length))]!);

function ran({ seed, device, versions, command, started, resumed = [] }: RunRecord): string {
  const rows: readonly (readonly [string, string])[] = [
    ['command', `<code>${escapeText(command.join(' '))}</code>`],
    ['seed', String(seed)],
    ['device', escapeText(device)],
    ...Object.entries(versions).map(([name, version]) => [name, escapeText(version)] as const),
    ['started', escapeText(started)],
    ...resumed.map(({ waves, at }) => ['resumed', `${escapeText(at)}, after ${short(waves)} waves`] as const),
  ];
  return `<table class="facts"><tbody>${rows.map(([name, value]) => `<tr><th>${escapeText(name)}<td>${value}`).join('')}</tbody></table>`;
}

interface Timing { readonly seconds: number; readonly nodes: Readonly<Record<string, { readonly ms: number; readonly steps: number }>> }

async function timing(path: string): Promise<string> {
  const total = new Map<string, { ms: number; steps: number }>();
  let seconds = 0;
  let lines = 0;
  for await (const { line } of readLog(path)) {
    const { seconds: more, nodes } = line as unknown as Timing;
    seconds += more;
    lines++;
    for (const [node, { ms, steps }] of Object.entries(nodes)) {
      const before = total.get(node) ?? { ms: 0, steps: 0 };
      total.set(node, { ms: before.ms + ms, steps: before.steps + steps });
    }
  }
  if (!lines) return '';
  const most = Math.max(1e-9, ...[...total.values()].map(({ ms }) => ms));
  const rows = [...total].sort(([, a], [, b]) => b.ms - a.ms).map(([node, { ms, steps }]) =>
    `<tr><th>${escapeText(node)}<td>${short(steps)}<td>${short(Number((ms / steps).toPrecision(3)))} ms<td>${duration(ms / 1000)}<td class="bar"><i style="width:${(ms / most * 100).toFixed(1)}%"></i>`);
  return section('Where the time went', `<p>${duration(seconds)} in all. Nodes run side by side, so their times may add up to more.</p>`
    + `<table><thead><tr><th>node<th>steps<th>a step<th>in all<th></thead><tbody>${rows.join('')}</tbody></table>`);
}

async function notes(path: string): Promise<string> {
  const items: string[] = [];
  for await (const { line } of readLog(path)) items.push(`<li>wave ${short(line.wave)}: ${escapeText(line.note)}`);
  return items.length ? section('Remarks', `<ul>${items.slice(-200).join('')}</ul>`) : '';
}
