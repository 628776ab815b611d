// How a client is revoked in a measurement: by a list with a million others, or in one of the other ways.

import { X509Certificate } from 'node:crypto'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Authority, type CertificateFiles } from '../../test/support/authority.ts'
import { entryBytes, listBytes, numberBytes } from '../../test/support/list-bytes.ts'
import { RevocationHouse, revocationWays } from '../../test/support/revocation-ways.ts'
import { pemOf, revokedEntries } from '../revocation-list.ts'

export const methodNames = ['list', ...revocationWays] as const

export interface Method {
  /** Of the listener; all paths are absolute. */
  readonly lines: readonly string[]
  /** What clients trust. */
  readonly trust: string
  issue(name: string): Promise<CertificateFiles>
  issueVictim(name: string): Promise<CertificateFiles>
  /** @returns asked when the client is gone: when it was said to the broker, as `performance.now()` */
  revoke(files: CertificateFiles): Promise<() => number>
  close(): void
}

/** @param listed serial numbers in the list, where there is one */
export async function createMethod(name: (typeof methodNames)[number], listed: number): Promise<Method> {
  if (name === 'list') return byList(listed)
  const house = await RevocationHouse.create()
  return { ...(await house.way(name)), trust: house.rootTrust, close: () => house.close() }
}

async function byList(listed: number): Promise<Method> {
  const authority = await Authority.create()
  const server = await authority.issueServer()
  const path = join(authority.dir, 'crl.pem')
  const list = new GrowingList(authority, listed)
  writeFileSync(path, pemOf(list.next()))
  const issue = (name: string) => authority.issueClient(name)
  return {
    lines: [
      `certfile ${server.cert}`,
      `keyfile ${server.key}`,
      `cafile ${authority.ca.cert}`,
      'require_certificate true',
      'use_identity_as_username true',
      `crlfile ${path}`,
    ],
    trust: authority.ca.cert,
    issue,
    issueVictim: issue,
    revoke: async victim => {
      writeFileSync(`${path}.new`, list.next(victim))
      const begun = performance.now()
      renameSync(`${path}.new`, path)
      return () => begun
    },
    close() {},
  }
}

/** Every list has what the one before had, and one more. */
class GrowingList {
  readonly #authority: Authority
  #entries: Buffer
  #number = 0

  constructor(authority: Authority, listed: number) {
    this.#authority = authority
    this.#entries = revokedEntries(listed)
  }

  /** @returns DER */
  next(victim?: CertificateFiles): Buffer {
    if (victim !== undefined) this.#entries = Buffer.concat([this.#entries, entryBytes(serialOf(victim))])
    return listBytes(this.#authority.ca, { entries: this.#entries, extensions: numberBytes(++this.#number) })
  }
}

function serialOf({ cert }: CertificateFiles): string {
  const { serialNumber } = new X509Certificate(readFileSync(cert))
  return /^[89A-F]/.test(serialNumber) ? `00${serialNumber}` : serialNumber
}
