/** @file `gantry show GRAPH`: draws it. */
import { Option, type Command } from 'commander';
import { command, emit } from './command.js';
import { graph, openGraph, type GraphOptions } from './graph.js';

interface Options extends GraphOptions { readonly format: 'text' | 'mermaid' | 'svg' }

export const showCommand = (): Command =>
  graph(command('show <graph>', 'Draw a graph with its resolved types, on stdout.', [
    ['gantry show graphs/self-conditioned-gan/grid.json', 'as text'],
    ['gantry show my.json --format svg > my.svg', 'as a picture'],
  ]))
    .addOption(new Option('--format <format>', 'how').choices(['text', 'mermaid', 'svg']).default('text'))
    .action(async (file: string, options: Options) => {
      const { loaded, engine } = await openGraph(file, options);
      const plan = await engine.compose(loaded);
      const { drawMermaid, drawSvg, drawText, drawingOf } = await import('../journal/draw.js');
      const drawing = drawingOf(plan);
      if (options.json) return emit({ type: 'drawing', ...drawing });
      const draw = { text: drawText, mermaid: drawMermaid, svg: drawSvg }[options.format];
      process.stdout.write(`${draw(drawing).trimEnd()}\n`);
    });
