/** @file `gantry data check FOLDER`: what a data set holds, and what is wrong with it, before anyone trains. */
import { Command } from 'commander';
import type { Finding, Survey, SurveyReport } from '../training/survey.js';
import { inputError } from '../spec/issue.js';
import { command, emit, type SharedOptions } from './command.js';
import { openEngine } from './open-engine.js';

interface Options extends SharedOptions { readonly list?: string }

/** Lines of a list that people see; machines see all of it. */
const SHOWN = 10;
const BAR = 40;

export const dataCommand = (): Command => new Command('data').description('Look at data sets.').addCommand(checkCommand());

const checkCommand = (): Command =>
  command('check <folder>', 'Open every photo of a folder: counts, classes, sizes, equal and damaged files.', [
    ['gantry data check photos', 'classes are sub-folders'],
    ['gantry data check photos --list photos/train.txt', 'those that a list of lines "path label" names'],
  ])
    .option('--list <file>', 'a text file of lines "path label"')
    .action(async (folder: string, options: Options) => {
      const { createConsole } = await import('../journal/console.js');
      const console = createConsole({ json: options.json });
      const engine = await openEngine(options, { console });
      const survey = engine.parts<Survey>('survey').find(({ name }) => name === 'image-folder')?.value;
      if (!survey) throw inputError('gantry data check', 'no plugin at hand looks at folders of photos');
      const began = performance.now();
      const report = await survey.run({ path: folder, ...(options.list !== undefined && { list: options.list }) }, engine.services);
      console.note(`opened ${count(report.photos)} photos in ${((performance.now() - began) / 1000).toFixed(1)} s`);
      if (options.json) emit({ type: 'data', folder, ...report });
      else process.stdout.write(`${page(folder, report).join('\n')}\n`);
    });

const count = (n: number): string => n.toLocaleString('en');

function page(folder: string, { photos, classes, formats, peculiar, sizes, below, equal, alike, damaged, doubtful, others, advice, node }: SurveyReport): string[] {
  const tally = (counts: Readonly<Record<string, number>>) => Object.entries(counts).sort(([, a], [, b]) => b - a).map(([name, n]) => `${name} ${count(n)}`).join(', ');
  const small = below.filter((one) => one.photos > 0);
  return [
    `${folder}: ${count(photos)} photos, ${classes.length === 1 ? 'one class' : `${count(classes.length)} classes`}`,
    ...section('classes', classes.length > 1 ? histogram(classes) : []),
    ...section('formats', [[tally(formats), tally(peculiar)].filter(Boolean).join('; of them ')].filter(Boolean)),
    ...section('sizes', sizes ? [
      ...(['width', 'height', 'short'] as const).map((side) => `${side === 'short' ? 'short side' : side} ${sizes[side].min} to ${sizes[side].max}, median ${sizes[side].median}`),
      small.length ? `short side below ${small.map((one) => `${one.resolution}: ${count(one.photos)}`).join(', below ')}` : 'none has a short side below 512',
    ] : []),
    ...section('equal', groups(equal, 'the same file')),
    ...section('alike', groups(alike, 'nearly the same picture')),
    ...section('damaged', findings(damaged)),
    ...section('doubtful', findings(doubtful)),
    ...section('others', Object.keys(others).length ? [`${tally(others)}: not read`] : []),
    ...section('a graph', [...advice, `"data": ${JSON.stringify(node)}`]),
  ];
}

const section = (title: string, lines: readonly string[]): string[] => lines.map((line, i) => `${(i ? '' : title).padEnd(10)}${line}`);

const shown = (lines: readonly string[]): string[] => (lines.length > SHOWN ? [...lines.slice(0, SHOWN), `and ${count(lines.length - SHOWN)} more: --json lists all`] : [...lines]);
const groups = (all: readonly (readonly string[])[], what: string): string[] => (all.length ? [`${count(all.length)} group${all.length === 1 ? '' : 's'} of ${what}`, ...shown(all.map((group) => group.join(' = ')))] : []);
const findings = (all: readonly Finding[]): string[] => (all.length ? [`${count(all.length)} photo${all.length === 1 ? '' : 's'}`, ...shown(all.map(({ path, why }) => `${path}: ${why}`))] : []);

/** A bar a class, and how uneven they are. Of many classes the largest and the smallest. */
function histogram(classes: SurveyReport['classes']): string[] {
  const sorted = [...classes].sort((a, b) => b.photos - a.photos), most = sorted[0]!, least = sorted.at(-1)!;
  const cut = classes.length > 2 * SHOWN, kept = cut ? [...sorted.slice(0, SHOWN), ...sorted.slice(-SHOWN)] : classes;
  const nameOf = ({ label, name }: (typeof classes)[number]) => (name === undefined ? String(label) : `${label} ${name}`);
  const width = Math.max(...kept.map((one) => nameOf(one).length)), digits = count(most.photos).length;
  const bars = kept.map((one) => `${nameOf(one).padEnd(width)}  ${count(one.photos).padStart(digits)}  ${'#'.repeat(Math.ceil((BAR * one.photos) / most.photos))}`);
  if (cut) bars.splice(SHOWN, 0, `… ${count(classes.length - 2 * SHOWN)} classes between`);
  if (most.photos === least.photos) return bars;
  return [...bars, least.photos ? `the largest has ${(most.photos / least.photos).toFixed(1)} times the photos of the smallest` : `${nameOf(least)} has none`];
}
