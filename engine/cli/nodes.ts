/** @file `gantry nodes [TYPE]`: the node types at hand, and everything about one of them. */
import type { Command } from 'commander';
import { inputError } from '../spec/issue.js';
import { near } from '../spec/near.js';
import { describeNode, type NodeDescription } from '../registry/describe.js';
import { command, emit, type SharedOptions } from './command.js';
import { openEngine } from './open-engine.js';

interface Options extends SharedOptions { readonly markdown: boolean }

export const nodesCommand = (): Command =>
  command('nodes [type]', 'List the node types at hand, or describe one: ports, clocks, settings.', [
    ['gantry nodes', 'every node type'],
    ['gantry nodes data/mixture', 'its ports and settings'],
    ['gantry nodes --markdown > docs/nodes.md', 'the reference page'],
  ])
    .option('--markdown', 'the whole reference as Markdown', false)
    .action(async (name: string | undefined, options: Options) => {
      const engine = await openEngine(options);
      const all = [...engine.parts<never>('node')].sort((a, b) => (a.name < b.name ? -1 : 1)).map(describeNode);
      const chosen = name === undefined ? all : all.filter((node) => node.name === name);
      if (!chosen.length) {
        const meant = near(name!, all.map((node) => node.name)) ?? all.find((node) => node.name.split('/')[1] === name)?.name;
        throw inputError(`node type "${name}"`, 'there is none of this name; `gantry nodes` lists those at hand', meant ? { try: meant } : {});
      }
      if (options.json) {
        for (const node of chosen) emit(node);
        return;
      }
      if (options.markdown) return print(markdown(chosen));
      print(name === undefined ? list(chosen) : chosen.map(page).join('\n'));
    });

const print = (text: string): void => { process.stdout.write(`${text}\n`); };

function list(nodes: readonly NodeDescription[]): string {
  const width = Math.max(0, ...nodes.map((node) => node.name.length));
  return nodes.map((node) => `${node.name.padEnd(width)}  ${node.about}`).join('\n');
}

const CLOCKS = { event: '', latest: 'held', previous: 'held, one wave late' };
const DEPENDS = 'depend on the settings';

const remarks = (port: { readonly clock: keyof typeof CLOCKS; readonly optional: boolean }): string =>
  [CLOCKS[port.clock], port.optional ? 'optional' : ''].filter(Boolean).join(', ');
const fallback = (setting: { readonly required: boolean; readonly default?: unknown }): string =>
  setting.default !== undefined ? `default ${JSON.stringify(setting.default)}` : setting.required ? 'required' : 'optional';

function page({ name, about, plugin, version, inputs, outputs, settings }: NodeDescription): string {
  const rows = (lines: readonly (readonly string[])[]): string[] => {
    const widths = lines[0]?.map((_, column) => Math.max(...lines.map((line) => (line[column]!.length > 40 ? 0 : line[column]!.length)))) ?? [];
    return lines.map((line) => `  ${line.map((cell, column) => cell.padEnd(widths[column]!)).join('  ').trimEnd()}`);
  };
  const section = (title: string, lines: readonly (readonly string[])[] | undefined): string[] =>
    (lines === undefined ? [`${title} ${DEPENDS}`] : lines.length ? [title, ...rows(lines)] : [`no ${title}`]);
  return [
    name, `  ${about}`, `  plugin ${plugin}, version ${version}`,
    ...section('inputs', inputs?.map((port) => [port.name, port.type, remarks(port)])),
    ...section('outputs', outputs && Object.entries(outputs)),
    ...section('settings', settings.map((setting) => [setting.path, setting.type, fallback(setting), setting.about ?? ''])),
  ].join('\n');
}

/** The reference page, by family. */
function markdown(nodes: readonly NodeDescription[]): string {
  const cell = (text: string) => text.replaceAll('|', '\\|');
  const table = (head: readonly string[], lines: readonly (readonly string[])[]): string[] =>
    (lines.length ? ['', `| ${head.join(' | ')} |`, `|${head.map(() => '---').join('|')}|`, ...lines.map((line) => `| ${line.map(cell).join(' | ')} |`)] : []);
  const code = (text: string) => `\`${text}\``;
  return [
    '# Node types', '', 'Written by `gantry nodes --markdown`; a plugin of yours appears when you name it with `--plugin`.',
    'An input without a remark is an event: the node steps in the waves in which its events arrive.',
    ...nodes.flatMap(({ name, about, plugin, inputs, outputs, settings }) => [
      '', `## ${name}`, '', `${about} Plugin \`${plugin}\`.`,
      ...(inputs ? table(['input', 'type', ''], inputs.map((port) => [code(port.name), code(port.type), remarks(port)])) : ['', `Its inputs ${DEPENDS}.`]),
      ...(outputs ? table(['output', 'type'], Object.entries(outputs).map(([port, type]) => [code(port), code(type)])) : ['', `Its outputs ${DEPENDS}.`]),
      ...table(['setting', 'type', '', ''], settings.map((setting) => [code(setting.path), code(setting.type), fallback(setting), setting.about ?? ''])),
    ]),
  ].join('\n');
}
