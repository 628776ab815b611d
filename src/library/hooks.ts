// The hooks: where a program takes part in what the broker decides. All of them are optional. One that throws, answers nothing
// that it may, or does not answer in time has said no; the log says so, and nobody else is disturbed.

import type { QoS } from '../mqtt/packet.ts'
import type { Client } from './client.ts'
import type { Message, MessageProperties } from './message.ts'

/** Somebody who was let in, connected or away. */
export interface Subject {
  readonly clientId: string
  /** undefined for a client without a name. */
  readonly username: string | undefined
}

/** What a client claims in its CONNECT. */
export interface Credentials extends Subject {
  readonly password: Buffer | undefined
  /** Textual IP address; empty for a stream that has none. */
  readonly address: string
  /** Of the client's certificate, where the broker's own TLS has verified one. */
  readonly certificate: ProvenCertificate | undefined
}

export interface ProvenCertificate {
  readonly subject: string
  readonly issuer: string
  /** Hexadecimal. */
  readonly serialNumber: string
  /** SHA-256, hexadecimal. */
  readonly fingerprint: string
}

/**
 * - `true`, `false`: the client is let in under the name that it gives, or not.
 * - `'defer'`: the options of its listener decide, as if there were no hook.
 * - an object: it is let in, under `username` where that is there, and may do what `publish` and `subscribe` say where one of
 *   them is there: lists of topic filters, a missing one allows nothing.
 */
export type AuthenticateAnswer = boolean | 'defer' | Admission

export interface Admission {
  readonly username?: string
  readonly publish?: readonly string[]
  readonly subscribe?: readonly string[]
}

/**
 * - `true`: the message goes on as it is. `false`: it is refused (0x87).
 * - `'drop'`: its publisher is told that it was taken, and nobody gets it.
 * - an object: it goes on with these changes.
 */
export type IncomingAnswer = boolean | 'drop' | IncomingChange

export interface IncomingChange {
  /** Judged by the same rules as if the client had said so. */
  readonly topicName?: string
  readonly payload?: string | Uint8Array
  readonly retain?: boolean
  /** In place of all that it had. */
  readonly properties?: MessageProperties
}

/** `true`: it is sent. `false`: this client does not get it. An object: this client gets it with these changes. */
export type OutgoingAnswer = boolean | OutgoingChange

export interface OutgoingChange {
  readonly payload?: string | Uint8Array
  /** In place of all that it had. */
  readonly properties?: MessageProperties
}

export interface Hooks {
  /** Once for each CONNECT, before the passwords of the options; the client waits for the answer, and nobody else does. */
  readonly authenticate?: (credentials: Credentials) => AuthenticateAnswer | Promise<AuthenticateAnswer>
  /**
   * Whether a client may publish on a topic that the rules allow it, its will included. Answers at once, by nothing but client and
   * topic: the answer is remembered until `reauthorize`, unless its name has more than 256 characters.
   */
  readonly authorizePublish?: (subject: Subject, topicName: string) => boolean
  /** Whether messages of a topic that the rules allow it may reach a client; as `authorizePublish`. */
  readonly authorizeReceive?: (subject: Subject, topicName: string) => boolean
  /** Once for each filter of a SUBSCRIBE, before the rules judge it; the client waits for the answer. */
  readonly authorizeSubscribe?: (client: Client, topicFilter: string, qos: QoS) => boolean | Promise<boolean>
  /** For each message from a client, before the rules judge it; the client waits for the answer. */
  readonly incoming?: (client: Client, message: Message) => IncomingAnswer | Promise<IncomingAnswer>
  /** For each message to a client, when it is sent. Answers at once. */
  readonly outgoing?: (client: Client, message: Message) => OutgoingAnswer
}
