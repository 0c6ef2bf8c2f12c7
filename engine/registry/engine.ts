/** @file The composition root: one container that holds node types, parts, session host, clock and console, and the services made from it. */
import { Container, ContainerModule } from 'inversify';
import type { Services } from '../dataflow/context.js';
import { check, type Origin } from '../dataflow/compose.js';
import type { Graph } from '../dataflow/graph.js';
import type { NodeType } from '../dataflow/node.js';
import type { Plan } from '../dataflow/plan.js';
import type { Device } from '../session/host.js';
import { graphError, inputError, type Issue } from '../spec/issue.js';
import { list, near } from '../spec/near.js';
import type { Backbone } from '../training/backbone.js';
import type { Encoder } from '../training/encoder.js';
import type { Learner } from '../training/learner.js';
import type { LearningParts } from '../training/learner-node.js';
import type { Method } from '../training/method.js';
import type { Optimiser } from '../training/optimiser.js';
import type { TrainingParts } from '../training/train-node.js';
import { builtInNames, loadPlugins, type PluginFailure, type PluginRequest } from './discover.js';
import { openDoor } from './door.js';
import { lazyHost } from './lazy-host.js';
import { CACHE_FOLDER, knownModels, resolvePath } from './paths.js';
import { partsOf, type Plugin, type PluginParts } from './plugin.js';
import { CACHE, CLOCK, CONSOLE, HOST, RESOLVE, partToken, type Clock, type Console, type Part } from './token.js';

export interface EngineOptions {
  /** Plugins besides the built-in ones. */
  readonly plugins?: readonly PluginRequest[];
  /** Plugins that are loaded already: a test's, or an embedding program's. */
  readonly modules?: readonly Plugin[];
  /** `cpu` unless it says otherwise; `auto` chooses, and says what it chose and why. */
  readonly device?: Device | 'auto';
  /** Threads of one kernel. */
  readonly threads?: number;
  /** Where remarks and progress go; nowhere unless it says otherwise. */
  readonly console?: Console;
}

export interface Engine {
  readonly plugins: readonly PluginParts[];
  /** Plugins that did not load, and why. */
  readonly failures: readonly PluginFailure[];
  /** Node types by name. */
  readonly types: ReadonlyMap<string, NodeType>;
  readonly services: Services;
  readonly clock: Clock;
  /** All parts of a kind, with the plugins that they came with. */
  parts<T>(kind: string): readonly Part<T>[];
  /** Composes a graph and reports every issue; there is a plan exactly when there is none. */
  check(loaded: Loaded): Promise<{ readonly plan?: Plan; readonly issues: readonly Issue[] }>;
  /** The plan of a graph. Throws a GraphError with every issue. */
  compose(loaded: Loaded): Promise<Plan>;
  /** Ends the session host, if it ever started. */
  close(): Promise<void>;
}

/** A graph as it was read: its file, and what was wrong with that. */
export interface Loaded extends Origin { readonly graph: Graph }

const silent: Console = { note: () => {}, progress: () => {} };

/** What the engine itself binds. A plugin's `bind` may rebind it. */
const foundation = (options: EngineOptions): ContainerModule => new ContainerModule(({ bind }) => {
  bind(CLOCK).toConstantValue({ now: () => Date.now() });
  bind(CONSOLE).toConstantValue(options.console ?? silent);
  bind(RESOLVE).toConstantValue(resolvePath);
  bind(CACHE).toConstantValue(CACHE_FOLDER);
  for (const [name, value] of Object.entries(knownModels())) bind(partToken('model')).toConstantValue({ plugin: 'gantry', kind: 'model', name, value });
  bind(HOST).toResolvedValue((console: Console) => lazyHost(options.device ?? 'cpu', options.threads, (message) => console.note(message)), [CONSOLE]).inSingletonScope();
});

/** Builds the container from the built-in plugins and those asked for. Two parts of one kind and name are an InputError that names both plugins. */
export async function createEngine(options: EngineOptions = {}): Promise<Engine> {
  const asked = options.plugins ?? [];
  if (asked.length) openDoor();
  const builtIn = builtInNames().filter((name) => !asked.some((request) => request.name === name)).map((name) => ({ name, from: '.' }));
  const { plugins: modules, failures } = await loadPlugins([...builtIn, ...asked], options.modules);
  refuseTwins('plugin', modules.map(({ parts }) => ({ plugin: parts.name, name: parts.name })));

  const container = new Container();
  container.load(foundation(options));
  const plugins = modules.filter((module) => {
    try {
      container.load(module);
      return true;
    } catch (error) {
      failures.push({ plugin: module.parts.name, says: `it fails to bind its parts: ${(error as Error).message}` });
      container.unload(module);
      return false;
    }
  }).map((module) => module.parts);

  const parts = <T>(kind: string): readonly Part<T>[] => container.getAll(partToken<T>(kind));
  for (const kind of new Set(plugins.flatMap((plugin) => partsOf(plugin).map((part) => part.kind)))) refuseTwins(kind, parts(kind));
  const valuesOf = <T>(kind: string) => parts<T>(kind).map(({ value }) => value);
  await addTrainers(container, parts<Method>('method'), parts<Learner>('learner'), {
    backbones: valuesOf<Backbone>('backbone'), encoders: valuesOf<Encoder>('encoder'), optimisers: valuesOf<Optimiser>('optimiser'),
  });
  const nodes = parts<NodeType>('node');
  refuseTwins('node', nodes);

  const console = container.get(CONSOLE);
  const host = container.get(HOST);
  const services: Services = {
    host,
    resolve: container.get(RESOLVE),
    cache: container.get(CACHE),
    component: <T>(kind: string, name: string) => componentOf(parts<T>(kind), kind, name),
    progress: (what, done, total) => console.progress(what, done, total),
    note: (message) => console.note(message),
  };
  const types = new Map(nodes.map(({ name, value }) => [name, value]));
  const checked = async ({ graph, ...origin }: Loaded) => {
    const { plan, issues } = await check(graph, types, services, origin);
    return { ...(plan && { plan }), issues: issues.map((issue) => blame(issue, graph, types, failures)) };
  };
  return {
    plugins, failures, services, parts, types,
    check: checked,
    async compose(loaded) {
      const { plan, issues } = await checked(loaded);
      if (!plan) throw graphError(loaded.file ?? 'the graph', issues);
      return plan;
    },
    clock: container.get(CLOCK),
    close: () => host.close(),
  };
}

/** A method becomes a node type. The trainer is loaded only where there are methods. */
async function addTrainers(container: Container, methods: readonly Part<Method>[], learners: readonly Part<Learner>[], choices: TrainingParts & LearningParts): Promise<void> {
  const add = (plugin: string, type: NodeType) => container.bind(partToken<NodeType>('node')).toConstantValue({ plugin, kind: 'node', name: type.name, value: type });
  if (methods.length) {
    const { trainNode } = await import('../training/train-node.js');
    for (const { plugin, value } of methods) add(plugin, trainNode(value, choices));
  }
  if (learners.length) {
    const { learnerNode } = await import('../training/learner-node.js');
    for (const { plugin, value } of learners) add(plugin, learnerNode(value, choices));
  }
}

/** A node type may be unknown because its plugin did not load. */
function blame(issue: Issue, { nodes }: Graph, types: ReadonlyMap<string, NodeType>, failures: readonly PluginFailure[]): Issue {
  const [, id] = /^nodes\.(.+)\.type$/.exec(issue.at) ?? [];
  const type = id === undefined ? undefined : nodes[id]?.type;
  if (typeof type !== 'string' || types.has(type) || !failures.length) return issue;
  return { ...issue, because: [...(issue.because ?? []), `a plugin that did not load may define it: ${list(failures.map(({ plugin }) => plugin))}`] };
}

function refuseTwins(kind: string, parts: readonly { readonly plugin: string; readonly name: string }[]): void {
  const first = new Map<string, string>();
  for (const { plugin, name } of parts) {
    const other = first.get(name);
    if (other === undefined) { first.set(name, plugin); continue; }
    if (kind === 'plugin') throw inputError(`plugin "${name}"`, 'two plugins have this name; names are unique');
    throw inputError(`${kind} "${name}"`, `the plugins ${list([other, plugin])} both define it; names are unique`);
  }
}

function componentOf<T>(parts: readonly Part<T>[], kind: string, name: string): T {
  const part = parts.find((candidate) => candidate.name === name);
  if (part) return part.value;
  const names = parts.map((candidate) => candidate.name).sort(), meant = near(name, names);
  throw inputError(`${kind} "${name}"`, `there is no such ${kind}; at hand: ${list(names)}`, meant ? { try: `"${meant}"` } : {});
}
