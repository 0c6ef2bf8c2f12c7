/**
 * @file Runs a plan on RxJS: `zip` aligns waves, `mergeScan` steps a node and threads its state, `concat(of(first), …)` delays by a wave.
 * RxJS has no back-pressure, so waves are demanded: at most `prefetch` beyond the last completed one.
 */
import { setMaxListeners } from 'node:events';
import { NEVER, Subject, Subscription, catchError, concat, from, map, mergeScan, of, zip, type Observable, type ObservableInput } from 'rxjs';
import type { Value } from '../spec/value.js';
import { checkSaved, start, type Actor, type Tick } from './actor.js';
import type { Services } from './context.js';
import type { Early, Outputs, RunEnd, RunEvent } from './events.js';
import type { Edge, Plan } from './plan.js';
import type { Snapshot } from './snapshot.js';
import { createStepper, isPromise, type Stepper } from './step.js';
import { createSweep } from './sweep.js';
import { explain, unstepped } from './unstepped.js';

export interface RunOptions {
  /** How many waves there are in all, those of `saved` included. */
  readonly waves: number;
  readonly services: Services;
  /** Key of all randomness; the plan's, else 1. */
  readonly seed?: number;
  /** How many waves may be under way at once; the plan's, else 2. It never changes what comes out. */
  readonly prefetch?: number;
  /** Where to go on from. */
  readonly saved?: Snapshot;
  /** Asks the run to stop: no step begins any more, those under way are waited for, the last completed wave stands. */
  readonly signal?: AbortSignal;
  /**
   * Sees every event. A promise keeps the event's residents alive, and further waves waiting, until it settles (a checkpoint being
   * written). What it throws fails the run.
   */
  readonly onEvent?: (event: RunEvent) => void | Promise<void>;
}

export interface Running {
  readonly events: Observable<RunEvent>;
  /** How the run ended. Rejects with the error that ended it, once all steps under way have ended and every node is closed. */
  readonly done: Promise<RunEnd>;
  /** The last completed wave; before there is one what the run began from, and nothing before the nodes are started. */
  snapshot(): Snapshot | undefined;
}

/** Starts a run. Nothing happens before the caller has had the chance to subscribe. */
export function run(plan: Plan, options: RunOptions): Running {
  const { waves, services, saved, signal } = options;
  const begin = saved?.waves ?? 0;
  const seed = options.seed ?? plan.seed ?? 1, prefetch = Math.max(1, options.prefetch ?? plan.prefetch ?? 2);
  const events = new Subject<RunEvent>();
  const halt = new AbortController();
  setMaxListeners(0, halt.signal);
  let failure: { readonly error: unknown } | undefined;
  let snapshot = saved;
  let early: Early | undefined;

  const fail = (error: unknown) => {
    failure ??= { error };
    halt.abort();
  };
  /** Events that `onEvent` is still busy with. */
  const busy = new Map<RunEvent, Promise<void>>();
  let wake = () => {};
  const emit = (event: RunEvent) => {
    events.next(event);
    try {
      const pending = options.onEvent?.(event);
      if (pending) busy.set(event, pending.catch(fail).then(() => { busy.delete(event); wake(); }));
    } catch (error) {
      fail(error);
    }
  };

  /** Runs waves until the last one, or until the run is halted; resolves when nothing is under way any more. */
  const flow = async (actors: readonly Actor[], steppers: readonly Stepper[]): Promise<void> => {
    const sweep = createSweep(services.host);
    sweep.pin(actors.map((actor) => [actor.made, actor.first]));
    const demand = new Subject<number>();
    const streams = new Map(actors.map((actor) => [actor.node.id, new Subject<Tick>()]));
    const underWay = new Set<Promise<Tick>>();
    /** The ticks of the last completed wave and all later ones: what they refer to stays in the host. */
    let live: Tick[] = actors.map((actor) => actor.first);
    let demanded = begin, completed = begin, scheduled = false, over = () => {};
    snapshot = snapshotOf(actors, live, begin);
    emit({ type: 'started', from: begin, waves });

    /** A turn of the event loop lies between a wave's end and the next demand, so that signals and timers are heard. */
    const schedule = () => {
      if (scheduled) return;
      scheduled = true;
      setImmediate(() => {
        scheduled = false;
        const limit = Math.min(waves, completed + prefetch);
        while (demanded < limit && busy.size === 0 && !halt.signal.aborted) demand.next(demanded++);
      });
    };
    const complete = (ticks: readonly Tick[]) => {
      if (early) return;
      const wave = completed++;
      snapshot = snapshotOf(actors, ticks, completed);
      const outputs = Object.fromEntries(ticks.flatMap((tick, i) => (tick.stepped ? [[actors[i]!.node.id, tick.outputs]] : [])));
      emit({ type: 'wave', wave, completed, outputs, snapshot });
      live = live.filter((tick) => tick.wave >= wave);
      sweep.sweep([...live, ...busy.keys()]);
      early = enough(plan, outputs);
      if (completed === waves) over();
      else if (early) halt.abort();
      else schedule();
    };

    const advance = ({ node }: Actor, stepper: Stepper, last: Tick, wave: number, values: readonly (Value | undefined)[]): ObservableInput<Tick> => {
      const inputs = stepper.gather(values);
      if (inputs && halt.signal.aborted) return NEVER;
      const began = performance.now(), mark = inputs ? sweep.begin() : 0;
      const ended = (tick: Tick): Tick => {
        live.push(tick);
        if (tick.stepped) emit({ type: 'stepped', wave, node: node.id, outputs: tick.outputs, ms: performance.now() - began });
        return tick;
      };
      const broken = (error: unknown) => {
        // What fails because the run halts is no failure of its own.
        if (!halt.signal.aborted) fail(error);
        return NEVER;
      };
      if (!inputs) return [ended(stepper.idle(last, wave))];
      let result: Promise<Tick> | Tick;
      try {
        result = stepper.step(last, inputs, wave);
      } catch (error) {
        return broken(error);
      }
      if (!isPromise(result)) {
        sweep.end(mark);
        return [ended(result)];
      }
      const promise = result.then(ended);
      const clear = () => { underWay.delete(promise); sweep.end(mark); };
      underWay.add(promise);
      promise.then(clear, clear);
      return from(promise).pipe(catchError(broken));
    };

    /** An input as one value a wave, `undefined` where there is none. */
    const read = ({ from: id, output, clock }: Edge): Observable<Value | undefined> => {
      const source = streams.get(id)!;
      if (clock === 'event') return source.pipe(map((tick) => tick.outputs[output]));
      const register = source.pipe(map((tick) => tick.registers[output]));
      if (clock === 'latest') return register;
      return concat(of(actors.find((actor) => actor.node.id === id)!.first.registers[output]), register);
    };

    const subscription = new Subscription();
    subscription.add(zip(...streams.values()).subscribe(complete));
    actors.forEach((actor, i) => {
      const ticks = zip(demand, ...actor.node.edges.map(read)).pipe(
        mergeScan((last: Tick, [wave, ...values]) => advance(actor, steppers[i]!, last, wave as number, values as (Value | undefined)[]), actor.first, 1),
      );
      subscription.add(ticks.subscribe(streams.get(actor.node.id)!));
    });
    wake = schedule;
    await new Promise<void>((resolve) => {
      over = resolve;
      if (halt.signal.aborted) resolve();
      halt.signal.addEventListener('abort', () => resolve(), { once: true });
      schedule();
    });
    while (underWay.size) await Promise.allSettled([...underWay]);
    await turn();
    await Promise.all(busy.values());
    subscription.unsubscribe();
  };

  const execute = async (): Promise<RunEnd> => {
    const abort = () => halt.abort();
    signal?.addEventListener('abort', abort);
    if (signal?.aborted) abort();
    const actors: Actor[] = [];
    let end: RunEnd | undefined;
    try {
      if (saved) checkSaved(plan, saved);
      if (begin < waves) {
        for (const node of plan.nodes) if (!halt.signal.aborted) actors.push(await start(plan, node, { services, signal: halt.signal, seed, saved }));
        const steppers = actors.map((actor) => createStepper(plan, actor, seed, halt.signal, services));
        if (!halt.signal.aborted) await flow(actors, steppers);
      }
    } catch (error) {
      // A start that was left because the run halts is no failure.
      if (!halt.signal.aborted || (error as Error).cause !== halt.signal.reason) fail(error);
    }
    signal?.removeEventListener('abort', abort);
    for (const { behaviour } of actors.reverse()) {
      try { await behaviour.close?.(); } catch (error) { fail(error); }
    }
    if (!failure) {
      const completed = snapshot?.waves ?? begin;
      end = completed < waves && !early ? { type: 'stopped', completed }
        : { type: 'finished', waves: Math.min(waves, completed), already: begin >= waves, unstepped: begin >= waves ? [] : unstepped(plan, snapshot!), ...(early && { early }) };
      emit(end);
      await Promise.all(busy.values());
    }
    events.complete();
    if (failure) throw (failure as { error: unknown }).error;
    const error = end?.type === 'finished' && explain(plan, end, snapshot!);
    if (error) throw error;
    return end!;
  };
  return { events: events.asObservable(), done: turn().then(execute), snapshot: () => snapshot };
}

/** A value on a `@stop` port makes its wave the last one. */
function enough(plan: Plan, outputs: Readonly<Record<string, Outputs>>): Early | undefined {
  for (const { id, outputs: ports } of plan.nodes) for (const [port, type] of Object.entries(ports)) {
    const said = type === '@stop' ? outputs[id]?.[port] : undefined;
    if (said !== undefined) return { node: id, says: (said as { readonly says: string }).says };
  }
  return undefined;
}

const turn = () => new Promise<void>((resolve) => { setImmediate(resolve); });

const snapshotOf = (actors: readonly Actor[], ticks: readonly Tick[], waves: number): Snapshot => ({
  waves, nodes: Object.fromEntries(ticks.map(({ state, registers, steps }, i) => [actors[i]!.node.id, { state, registers, steps }])),
});
