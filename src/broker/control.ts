// Messages under `$CONTROL/`: they steer the broker and reach no subscriber. What is asked is done, and safe, before it is
// answered and acknowledged; meanwhile nothing more is heard of the client that asked.

import type { NoteCommand } from '../audit/event.ts'
import { escapeText } from '../base/escape.ts'
import type { Publish } from '../mqtt/packet.ts'
import { ReasonCode } from '../mqtt/reason-code.ts'
import { Message } from '../session/message.ts'
import { commandNotes } from './audit-notes.ts'
import type { Broker } from './broker.ts'
import type { ClientConnection } from './connection.ts'
import { PauseReason } from './pause-reason.ts'

export interface ControlRequest {
  readonly payload: Uint8Array
  readonly clientId: string
  /** undefined for a client without a name. */
  readonly username: string | undefined
  /** Asked when its turn comes: whoever had the right may have lost it while it waited. */
  isPermitted(): boolean
  /** Tells the audit of one command; undefined where nobody wants to know. */
  readonly note?: NoteCommand | undefined
}

export interface ControlAnswer {
  readonly payload: Uint8Array
  /** What follows from what was asked, for whoever has to see the answer first. */
  carryOut(): void
}

/** Answers one topic below `$CONTROL/`. */
export interface ControlEndpoint {
  /** Resolves when what was asked has been done and is safe. */
  handle(request: ControlRequest): Promise<ControlAnswer>
}

const prefix = '$CONTROL/'

/** Whether messages on this topic are for the broker itself. */
export function isForBroker(topicName: string): boolean {
  return topicName.startsWith(prefix)
}

/**
 * Carries out what a permitted message asks for.
 *
 * @param topicName as `isForBroker` knows it
 * @param done called once it is, whether or not the connection has ended
 */
export function receiveControl(
  broker: Broker,
  connection: ClientConnection,
  packet: Publish,
  topicName: string,
  done: () => void,
): void {
  const endpoint = broker.endpoints.get(topicName)
  if (endpoint === undefined) {
    answerAlone(broker, connection, topicName, unavailable)
    done()
    return
  }
  if (broker.audit?.isRefusing === true) {
    answerAlone(broker, connection, topicName, untold)
    done()
    return
  }
  const { clientId, principal, access } = connection.session
  const request = {
    payload: Uint8Array.prototype.slice.call(packet.payload),
    clientId,
    username: principal.username,
    isPermitted: () => access.mayPublish(topicName),
    note: commandNotes(connection, topicName),
  }
  connection.pause(PauseReason.control)
  told(broker, endpoint.handle(request)).then(
    answer => {
      done()
      connection.resume(PauseReason.control)
      broker.publishAnswer(responseTopic(topicName), answer.payload)
      answer.carryOut()
    },
    (error: Error) => {
      request.note?.({ command: '', given: {}, outcome: 'failed', error: error.message })
      // Fail closed: whether it was done is not known, and nobody is told that it was.
      broker.log.write(
        'error',
        `Error: Unable to carry out what ${connection.who} asked for: ${escapeText(error.message)}`,
      )
      connection.end(ReasonCode.implementationSpecificError)
    },
  )
}

/** What was done is written to the audit before it is answered. */
function told({ audit }: Broker, answer: Promise<ControlAnswer>): Promise<ControlAnswer> {
  return audit === undefined ? answer : answer.then(done => audit.written().then(() => done))
}

/** Nobody else is told that somebody asked in vain. */
function answerAlone(broker: Broker, { session }: ClientConnection, topicName: string, answer: Uint8Array): void {
  const message = new Message(responseTopic(topicName), answer, 0, false, '')
  session.outbound.offer({ message, qos: 0, retain: false, subscriptionIdentifiers: undefined }, broker.clock.now())
}

const unavailable = Buffer.from('{"error": "endpoint not available"}')
const untold = Buffer.from('{"error": "the audit cannot be written"}')

function responseTopic(topicName: string): string {
  return `${topicName}/response`
}
