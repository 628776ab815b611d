// What keeps a command of ours from a broker, for people.

import { AppError } from '../base/errors.ts'
import type { ProtocolError } from '../mqtt/errors.ts'

/** The broker cannot be reached, or went away before it had answered. */
export class UnreachableError extends AppError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('ERR_CLIENT_UNREACHABLE', message, options)
  }
}

/** There is somebody at that address, but no TLS that both sides accept. */
export class TlsFailedError extends AppError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('ERR_CLIENT_TLS', message, options)
  }
}

/** The SOCKS proxy does not let us through. */
export class ProxyError extends AppError {
  constructor(message: string) {
    super('ERR_CLIENT_PROXY', message)
  }
}

/** The connection ended, and we had not ended it. */
export class ConnectionLostError extends AppError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('ERR_CLIENT_LOST', message, options)
  }
}

/** What the broker sends is not MQTT, or not now. */
export class BrokerFaultError extends AppError {
  constructor(cause: ProtocolError) {
    super('ERR_CLIENT_BROKER_FAULT', `Error: The broker broke the protocol: ${cause.message}.`, { cause })
  }
}

/** The broker answered, and refused. */
export class RefusedError extends AppError {
  /** As in MQTT 5. */
  readonly reasonCode: number
  constructor(message: string, reasonCode: number) {
    super('ERR_CLIENT_REFUSED', message)
    this.reasonCode = reasonCode
  }
}

/** A message that this broker would not take, found out before it was sent. */
export class PublishError extends AppError {
  readonly reason: 'qos' | 'size' | 'closed'
  constructor(reason: PublishError['reason'], message: string) {
    super('ERR_CLIENT_PUBLISH', message)
    this.reason = reason
  }
}

/** A property that does not exist, does not belong there, or has a value that is none. */
export class PropertyError extends AppError {
  constructor(message: string) {
    super('ERR_CLIENT_PROPERTY', message)
  }
}
