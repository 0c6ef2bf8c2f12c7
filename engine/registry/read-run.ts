/** @file A run's directory read again: its graph, composed, and its generator. */
import type { Plan } from '../dataflow/plan.js';
import { read } from '../dataflow/load.js';
import { exists } from '../journal/atomic.js';
import { layoutOf } from '../journal/run-directory.js';
import { inputError } from '../spec/issue.js';
import { sourceOf } from './ask.js';
import { trainingNode } from './conditions.js';
import type { Engine, Loaded } from './engine.js';
import { openGenerator, type GeneratorFile } from './generator-file.js';

export interface Run { readonly path: string; readonly loaded: Loaded; readonly plan: Plan; readonly generator: GeneratorFile }

/** Reads a finished run. Throws an InputError for a directory without a generator. */
export async function readRun(engine: Engine, path: string): Promise<Run> {
  const { graph, generator } = layoutOf(path);
  if (!await exists(generator)) throw inputError(path, 'it holds no generator.onnx; a run writes it at its end', { try: `gantry run --resume ${path}` });
  const loaded = await read(graph);
  return { path, loaded, plan: await engine.compose(loaded), generator: await openGenerator(engine.services.host, generator) };
}

/** The data set of a plan, and the neighbourhoods that its training node depends on. */
export function referencesOf({ plan, loaded }: { readonly plan: Plan; readonly loaded: Loaded }): Readonly<Record<string, string>> {
  const train = trainingNode(plan), neighbours = train && sourceOf(plan, train.id, '@neighbours');
  const any = plan.nodes.flatMap(({ id, outputs }) => Object.entries(outputs).flatMap(([port, is]) => (is.startsWith('@dataset') ? [`${id}.${port}`] : [])));
  const dataset = (train && sourceOf(plan, train.id, '@dataset')) ?? any[0];
  if (!dataset) throw inputError(loaded.file ?? 'the graph', 'none of its nodes gives a data set');
  return { dataset, ...(neighbours && { neighbours }) };
}
