/** @file Which extractor is meant: by settings as people give them, or by the node of a graph that gives features. */
import type { PlannedNode } from '../dataflow/plan.js';
import { inputError } from '../spec/issue.js';
import type { ExtractorType } from '../training/extractor.js';
import type { Engine } from './engine.js';

export interface ChosenExtractor { readonly type: ExtractorType; readonly settings: unknown }

/** The extractor of these settings: they may be of one that a plugin brings, by its `type`; `onnx` unless they say otherwise. */
export function extractorOf({ services }: Engine, given: object, where: string): ChosenExtractor {
  const { type: name = 'onnx', ...rest } = given as { readonly type?: string };
  return chosen(services.component<ExtractorType>('extractor', name), rest, where);
}

/** The extractor behind a node `extractor/<name>`: the part `<name>`, by those of the node's settings that it has, too. Throws an InputError for a node without one. */
export function extractorBehind(engine: Engine, { id, type: { name }, config }: PlannedNode, where: string): ChosenExtractor {
  const type = engine.parts<ExtractorType>('extractor').find((part) => name === `extractor/${part.name}`)?.value;
  if (!type) throw inputError(where, `its features come from "${id}", a node ${name}; new images want an extractor of that name`, { try: 'a node extractor/<name> and a part <name> of kind extractor' });
  const shape = (type.config as { readonly shape?: object }).shape;
  return chosen(type, Object.fromEntries(Object.entries(config as object).filter(([key]) => !shape || key in shape)), where);
}

function chosen(type: ExtractorType, given: object, where: string): ChosenExtractor {
  const parsed = type.config.safeParse(given);
  if (!parsed.success) throw inputError(where, parsed.error.issues.map((issue) => `${issue.path.map(String).join('.') || 'it'}: ${issue.message}`).join('; '));
  return { type, settings: parsed.data };
}
