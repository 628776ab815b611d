// The broker of the matrix tests: a plain listener for everybody and a TLS listener that demands a certificate.

import { type ThrowawayPki, throwawayPki } from '../support/authority.ts'
import { freePort } from '../support/free-port.ts'
import type { Target } from './matrix.ts'
import { type SharedBroker, shareBroker } from './shared-broker.ts'

export interface MatrixBroker extends SharedBroker {
  /** Where clients with the certificate of `user1` are welcome; there only inside tests. */
  tlsTarget(): Omit<Target, 'version'>
}

/** Call it at the top of the file. */
export function shareMatrixBroker(): MatrixBroker {
  let pki: ThrowawayPki | undefined
  let tlsPort = 0
  const shared = shareBroker('castellan', async () => {
    pki = await throwawayPki()
    tlsPort = await freePort()
    const { authority, server } = pki
    return {
      config: ({ port }) =>
        [
          'allow_anonymous true',
          `listener ${port} 127.0.0.1`,
          `listener ${tlsPort} 127.0.0.1`,
          `cafile ${authority.ca.cert}`,
          `certfile ${server.cert}`,
          `keyfile ${server.key}`,
          'require_certificate true',
          'use_identity_as_username true',
        ].join('\n'),
    }
  })
  return {
    get process() {
      return shared.process
    },
    tlsTarget: () => ({ port: tlsPort, tls: { cafile: pki!.authority.ca.cert, ...pki!.client } }),
  }
}
