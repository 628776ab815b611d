// An engine whose broker writes down what has to survive, and the next one that finds it.

import type { Journal } from '../../src/broker/journal.ts'
import { restoreBroker } from '../../src/broker/restore.ts'
import { openMemoryStore } from '../../src/store/memory/memory-store.ts'
import type { Store } from '../../src/store/store.ts'
import { Engine, type EngineOptions } from './engine.ts'

/** @param millisecondsLater how much later than at the first start of an engine it is */
export async function startDurable(store: Store, options: EngineOptions = {}, millisecondsLater = 0): Promise<Engine> {
  const engine = new Engine(options)
  engine.clock.advance(millisecondsLater)
  const deps = { storeLost: fail, afterTurn: commitLater, wallClock: () => engine.clock.now() }
  await restoreBroker(engine.broker, store, [engine.listener], deps, () => {})
  return engine
}

/** An engine over a store of its own. */
export function durableEngine(options?: EngineOptions): Promise<Engine> {
  return startDurable(openMemoryStore(), options)
}

/** Everything recorded is in the store. */
export function saved({ broker }: Engine): Promise<void> {
  return (broker.journal as Journal).drain()
}

function commitLater(journal: Journal): void {
  setImmediate(() => journal.commit())
}

function fail(error: Error): never {
  throw error
}
