// Why a listener cannot be opened or reloaded.

import { AppError } from '../base/errors.ts'

export type ListenerErrorCode =
  | 'ERR_NET_ADDRESS_IN_USE'
  | 'ERR_NET_ADDRESS_NOT_AVAILABLE'
  | 'ERR_NET_PERMISSION_DENIED'
  | 'ERR_NET_LISTEN_FAILED'
  | 'ERR_NET_TLS_SETTINGS'

/** The message is Mosquitto's line where it has one; the hint, a second line, says what would be right. */
export class ListenerError extends AppError {
  readonly hint: string | undefined
  constructor(code: ListenerErrorCode, message: string, hint?: string, options?: { cause?: unknown }) {
    super(code, message, options)
    this.hint = hint
  }
}

/** Whether a file of a listener is what cannot be used, and not its port. */
export function isOfFile({ code }: ListenerError): boolean {
  return code === 'ERR_NET_TLS_SETTINGS'
}

/** None of the addresses of a listener is there. */
export function noNetwork(): ListenerError {
  return new ListenerError(
    'ERR_NET_ADDRESS_NOT_AVAILABLE',
    'Error: Cannot assign requested address',
    'this machine has no network',
  )
}

/** A reload cannot begin or end TLS: connections that wait in the kernel were made without, or with it. */
export function switchedTls(): ListenerError {
  return new ListenerError(
    'ERR_NET_TLS_SETTINGS',
    'Error: A listener cannot be switched between TLS and plain while running.',
    'restart the broker to add or remove certfile and keyfile',
  )
}

/** The `code` of a system or OpenSSL error, `''` for anything else. */
export function causeCode(error: unknown): string {
  const code = (error as { readonly code?: unknown } | null)?.code
  return typeof code === 'string' ? code : ''
}
