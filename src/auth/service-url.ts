// Addresses of services that passwords are sent to: encrypted, or on this machine.

const loopback = ['127.0.0.1', '[::1]', 'localhost']

export interface ServiceUrl {
  readonly isEncrypted: boolean
  /** Whether it names this machine. */
  readonly isLocal: boolean
}

/**
 * @param schemes the encrypted one, then the other
 * @returns undefined for what is no such URL, or holds a name or a password: both would stand in the configuration, and in logs
 */
export function serviceUrl(text: string, schemes: readonly [string, string]): ServiceUrl | undefined {
  if (!URL.canParse(text)) return undefined
  const { protocol, hostname, username, password, hash } = new URL(text)
  if (username !== '' || password !== '' || hash !== '' || hostname === '') return undefined
  if (!schemes.some(scheme => protocol === `${scheme}:`)) return undefined
  return { isEncrypted: protocol === `${schemes[0]}:`, isLocal: loopback.includes(hostname) }
}
