/** @file The committed schema of graph files is that of the built-in node types. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { graphSchema } from '../../engine/dataflow/schema.js';
import { createEngine } from '../../engine/registry/engine.js';
import { PACKAGE } from '../../engine/registry/paths.js';

test('graphs/graph.schema.json is up to date: `npm run schema` writes it', async () => {
  const engine = await createEngine();
  expect(JSON.parse(readFileSync(join(PACKAGE, 'graphs/graph.schema.json'), 'utf8'))).toEqual(JSON.parse(JSON.stringify(graphSchema(engine.types))));
  await engine.close();
});
