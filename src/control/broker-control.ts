// The endpoint `$CONTROL/broker/v1`: the commands of one message are carried out one after the other, and answered in the envelope of
// dynamic security.

import { setImmediate as nextTurn } from 'node:timers/promises'
import type { NoteCommand } from '../audit/event.ts'
import { type Clock, systemClock } from '../base/clock.ts'
import { escapeText } from '../base/escape.ts'
import type { Log } from '../base/log.ts'
import { noteFault, noteOutcomes } from '../dynsec/audit-change.ts'
import { formatResponses, parseBatch } from '../dynsec/batch.ts'
import { RightLostError } from '../dynsec/errors.ts'
import type { BanFile } from './ban-file.ts'
import type { BrokerView } from './broker-view.ts'
import { ControlRun, type Outcome, type Shared, unsaved } from './control-run.ts'

/** Who asks, and for what. */
export interface BrokerControlRequest {
  readonly payload: Uint8Array
  readonly clientId: string
  readonly username: string | undefined
  /** Whether whoever asks may still do so. */
  isPermitted(): boolean
  /** Tells the audit of one command; undefined where nobody wants to know. */
  readonly note?: NoteCommand | undefined
}

export interface BrokerControlAnswer {
  readonly payload: Uint8Array
  /** What has to wait until the answer has left. */
  carryOut(): void
}

export class BrokerControl {
  readonly #look: () => BrokerView
  readonly #log: Log
  readonly #bans: { readonly file: BanFile; now(): number } | undefined
  readonly #clock: Clock

  /**
   * @param look at the broker, once for each part of a message
   * @param bans undefined where nobody can be banned
   */
  constructor(look: () => BrokerView, log: Log, bans?: { readonly file: BanFile; now(): number }, clock?: Clock) {
    this.#look = look
    this.#log = log
    this.#bans = bans
    this.#clock = clock ?? systemClock()
  }

  /**
   * Resolves when what was changed is safe.
   *
   * @throws RightLostError, as a rejection, when the right to it was lost between two parts: nothing more of it is done
   */
  async handle(request: BrokerControlRequest): Promise<BrokerControlAnswer> {
    const { requests, fault } = parseBatch(request.payload)
    const { note } = request
    const run = new ControlRun(requests, note !== undefined, this.#log)
    const later: (() => void)[] = []
    const outcomes: Outcome[] = []
    try {
      await this.#carryOut(run, request, outcomes, later)
    } catch (error) {
      // What was done is saved and told, though nothing is answered.
      await this.#settle(note, outcomes)
      for (const act of later) act()
      throw error
    }
    const isSafe = await this.#settle(note, outcomes)
    const responses = outcomes.map(outcome => (isSafe || !outcome.hasChanged ? outcome.text : unsaved(outcome)))
    if (fault !== undefined) {
      noteFault(note, fault)
      responses.push(JSON.stringify(fault))
    }
    return {
      payload: formatResponses(responses),
      carryOut() {
        for (const act of later) act()
      },
    }
  }

  /** @returns whether what was changed is safe */
  async #settle(note: NoteCommand | undefined, outcomes: readonly Outcome[]): Promise<boolean> {
    const isSafe = !outcomes.some(({ hasChanged }) => hasChanged) || (await this.#save())
    await noteOutcomes(note, outcomes, isSafe)
    return isSafe
  }

  /** A part at a time; whatever else there is to do goes between them. @param outcomes filled as it goes on */
  async #carryOut(
    run: ControlRun,
    request: BrokerControlRequest,
    outcomes: Outcome[],
    later: (() => void)[],
  ): Promise<void> {
    while (!run.isDone) {
      if (!request.isPermitted()) throw new RightLostError()
      outcomes.push(...run.carryOut(this.#sharedBy(request, later), () => this.#clock.now()))
      if (!run.isDone) await nextTurn()
    }
  }

  #sharedBy({ clientId, username }: BrokerControlRequest, later: (() => void)[]): Shared {
    return {
      broker: this.#look(),
      bans: this.#bans?.file.bans,
      now: this.#bans?.now() ?? 0,
      requester: { clientId, username },
      afterwards: act => later.push(act),
    }
  }

  /** @returns false when the file could not be written: what was changed holds until the broker ends */
  async #save(): Promise<boolean> {
    try {
      await this.#bans?.file.save()
      return true
    } catch (error) {
      this.#log.write('error', `Error: ban_file could not be written: ${escapeText((error as Error).message, 4096)}`)
      return false
    }
  }
}
