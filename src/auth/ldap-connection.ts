// One connection to an LDAP server, as much of it as authentication needs, by the library `ldapts`.

import { isIP } from 'node:net'
import type { Client, Entry } from 'ldapts'
import { startTlsOptions } from './ldap-start-tls.ts'

export interface LdapDestination {
  /** ldaps, or ldap. */
  readonly url: string
  readonly startTls: boolean
  /** PEM; undefined for the authorities of Node. */
  readonly ca: string | undefined
  readonly timeoutMs: number
}

export interface LdapEntry {
  /** Distinguished name. */
  readonly dn: string
  /** Of the attribute that was asked for. */
  readonly values: readonly string[]
}

export interface LdapConnection {
  /** @returns whether the password is right. @throws Error where the server does not say */
  bind(dn: string, password: string): Promise<boolean>
  /** @returns all entries. @throws Error where the server gives only some, or the place of a search below it is not there */
  search(query: LdapQuery): Promise<readonly LdapEntry[]>
  /** Never rejected. */
  close(): Promise<void>
}

export interface LdapQuery {
  readonly base: string
  readonly scope: 'base' | 'sub'
  /** RFC 4515. */
  readonly filter: string
  /** The one attribute whose values are wanted. */
  readonly attribute?: string
}

export type LdapConnector = () => Promise<LdapConnection>

export function ldapConnector(destination: LdapDestination): LdapConnector {
  return () => connect(destination)
}

async function connect({ url, startTls, ca, timeoutMs }: LdapDestination): Promise<LdapConnection> {
  const ldap = await import('ldapts')
  const host = new URL(url).hostname.replace(/^\[|\]$/g, '')
  const tls = {
    host,
    ...(isIP(host) === 0 && { servername: host }),
    minVersion: 'TLSv1.2',
    // Said, so that the environment (`NODE_TLS_REJECT_UNAUTHORIZED`) cannot say otherwise.
    rejectUnauthorized: true,
    ...(ca !== undefined && { ca }),
  } as const
  // With `tlsOptions` the library would speak TLS from the first byte, whatever the URL says.
  const isEncrypted = url.startsWith('ldaps:')
  const client = new ldap.Client({
    url,
    timeout: timeoutMs,
    connectTimeout: timeoutMs,
    ...(isEncrypted && { tlsOptions: tls }),
    ...(startTls && startTlsOptions(timeoutMs)),
  })
  try {
    if (startTls) await client.startTLS(tls)
  } catch (error) {
    await close(client)
    throw error
  }
  const isWrong = (error: unknown) =>
    error instanceof ldap.InvalidCredentialsError || error instanceof ldap.NoSuchObjectError
  let isOpen = startTls
  // A connection that was cut the library would open again by itself: without StartTLS, and without what was bound before.
  const stayOnIt = () => {
    if (isOpen && !client.isConnected) throw new Error('the connection was closed')
    isOpen = true
  }
  return {
    async bind(dn, password) {
      stayOnIt()
      try {
        await client.bind(dn, password)
        return true
      } catch (error) {
        if (isWrong(error)) return false
        throw error
      }
    },
    // `1.1` stands for no attributes (RFC 4511 §4.5.1.8).
    async search({ base, scope, filter, attribute = '1.1' }) {
      stayOnIt()
      try {
        // With a limit of ours the library would take for all what a limit of the server's own has cut.
        const options = { scope, filter, attributes: [attribute] }
        const { searchEntries } = await client.search(base, options)
        return searchEntries.map(entry => ({ dn: entry.dn, values: valuesOf(entry, attribute) }))
      } catch (error) {
        // An entry may be missing; what is below a place that is missing, nobody knows.
        if (scope === 'base' && error instanceof ldap.NoSuchObjectError) return []
        throw error
      }
    },
    close: () => close(client),
  }
}

/** Servers may spell the name of an attribute in their own way. */
function valuesOf(entry: Entry, attribute: string): readonly string[] {
  const [, found = []] = Object.entries(entry).find(([name]) => name.toLowerCase() === attribute.toLowerCase()) ?? []
  return [found].flat().filter(value => typeof value === 'string')
}

async function close(client: Client): Promise<void> {
  await client.unbind().catch(() => {})
}
