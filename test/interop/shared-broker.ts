// One broker for all tests of a file, because starting one takes longer than most of the tests.

import assert from 'node:assert/strict'
import { after, before, type TestContext } from 'node:test'
import { type BrokerKind, type BrokerProcess, type BrokerSetup, startEither } from '../support/broker-process.ts'

export interface SharedBroker {
  /** The running broker; there only inside tests. */
  readonly process: BrokerProcess
}

/** Starts the broker before the file's first test and stops it behind the last; call it at the top of the file. */
export function shareBroker(kind: BrokerKind, setup: () => Promise<BrokerSetup>): SharedBroker {
  let started: BrokerProcess | undefined
  const scope = fileScope()
  before(async () => {
    started = await startEither(scope, kind, await setup())
  })
  return {
    get process() {
      assert(started, `${kind} of this file did not start`)
      return started
    },
  }
}

/** What `t.after` is to a test, for a whole file. */
export function fileScope(): Pick<TestContext, 'after'> {
  const cleanups: (() => unknown)[] = []
  after(async () => {
    for (const cleanup of cleanups) await cleanup()
  })
  return { after: cleanup => void cleanups.push(cleanup as () => unknown) }
}
