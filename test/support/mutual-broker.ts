// A broker that asks its clients for certificates of a throwaway authority, and clients that show theirs.

import { readFile } from 'node:fs/promises'
import type { TestContext } from 'node:test'
import type { Authority, CertificateFiles } from './authority.ts'
import { connectRaw, type RawClient } from './raw-client.ts'
import { startWireBroker, type WireBroker } from './wire-broker.ts'

/** Lines below the listener; the files are in the broker's directory. */
export const mutualTls = `certfile server.crt
keyfile server.key
cafile ca.crt
require_certificate true
use_identity_as_username true`

/**
 * @param lines what else the listener has
 * @param files what these lines name
 */
export async function startMutualBroker(
  t: TestContext,
  authority: Authority,
  server: CertificateFiles,
  lines: string,
  files: Readonly<Record<string, string>> = {},
): Promise<WireBroker> {
  const read = (path: string) => readFile(path, 'utf8')
  return startWireBroker(t, `${mutualTls}\n${lines}`, {
    // With its issuer, whom stapled answers need.
    'server.crt': `${await read(server.cert)}${await read(authority.ca.cert)}`,
    'server.key': await read(server.key),
    'ca.crt': await read(authority.ca.cert),
    ...files,
  })
}

export interface DialFields {
  readonly maxVersion?: 'TLSv1.2' | 'TLSv1.3'
  readonly session?: Buffer
}

/** A connection whose handshake is over, as far as the client can tell; it has sent nothing yet. */
export async function dialWith(
  t: TestContext,
  broker: WireBroker,
  authority: Authority,
  files: CertificateFiles,
  more: DialFields = {},
): Promise<RawClient> {
  const [ca, cert, key] = await Promise.all([authority.ca.cert, files.cert, files.key].map(path => readFile(path)))
  return connectRaw(t, { port: broker.port, tls: { ca: ca!, cert: cert!, key: key!, ...more } })
}
