// One client command against both brokers with the same files: what it leaves behind has to be the same.

import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { type BrokerKind, type BrokerProcess, type BrokerSetup, both, startEither } from '../support/broker-process.ts'
import { type MosquittoTool, runTool } from '../support/clients.ts'

/** Castellan and Debian's Mosquitto, started alike. */
export type BrokerPair = Readonly<Record<BrokerKind, BrokerProcess>>

export async function startPair(t: Parameters<typeof startEither>[0], setup: BrokerSetup): Promise<BrokerPair> {
  const [castellan, mosquitto] = await Promise.all(both.map(kind => startEither(t, kind, setup)))
  return { castellan: castellan!, mosquitto: mosquitto! }
}

export interface Outcome {
  readonly code: number | null
  readonly stdout: readonly string[]
  readonly stderr: readonly string[]
}

/**
 * Runs the command against each broker, gives it the port behind `-p`, and returns what both did.
 *
 * @param more `input` for standard input; `anyOrder` where the client sends on without waiting for answers, so that it is a
 *   matter of time where in its trace they stand
 */
export async function sameOutcome(
  t: TestContext,
  pair: BrokerPair,
  tool: MosquittoTool,
  args: readonly string[],
  { input = '', anyOrder = false }: { readonly input?: string; readonly anyOrder?: boolean } = {},
): Promise<Outcome> {
  const [ours, theirs] = await Promise.all(
    both.map(async kind => {
      const outcome = normalised(await runTool(t, tool, [...args, '-p', String(pair[kind].port)], input))
      return anyOrder ? { ...outcome, stdout: outcome.stdout.toSorted() } : outcome
    }),
  )
  assert.deepEqual(ours, theirs, 'Castellan (actual) and Mosquitto (expected) differ')
  return ours!
}

// What differs from one connection to the next: generated client ids.
function normalised({ code, stdout, stderr }: Outcome): Outcome {
  const withoutIds = (line: string) =>
    line.replaceAll(/\bmosq-\w{18}\b/g, '<generated id>').replaceAll(/\bauto-[0-9A-F-]{36}/g, '<assigned id>')
  return { code, stdout: stdout.map(withoutIds), stderr: stderr.map(withoutIds) }
}
