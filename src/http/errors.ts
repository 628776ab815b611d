// Why the HTTP listener cannot be opened.

import { AppError } from '../base/errors.ts'
import { escapeText } from '../base/escape.ts'
import type { HttpAddress } from './options.ts'

/** `metrics_listener` names an address that cannot be listened on; the hint says what the system said. */
export class HttpListenError extends AppError {
  readonly hint: string
  constructor({ port, address }: HttpAddress, cause: unknown) {
    super('ERR_HTTP_LISTEN', `Error: Unable to open the metrics listener on port ${port}, ${escapeText(address)}.`, {
      cause,
    })
    const { code } = cause as NodeJS.ErrnoException
    this.hint = reasons[code ?? ''] ?? `the system says ${code ?? 'nothing more'}`
  }
}

const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: 'something listens there already: stop it (ss -lntp shows it), or choose another port',
  EADDRNOTAVAIL: 'this machine does not have the address',
  ENOTFOUND: 'the name resolves to no address',
  EAI_AGAIN: 'the name resolves to no address',
  EACCES: 'ports below 1024 need CAP_NET_BIND_SERVICE; choose a higher one',
}
