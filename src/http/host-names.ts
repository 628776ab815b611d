// Which names a listener answers to. A page in somebody's browser can make a name of its own resolve to this machine and
// then read what is answered (DNS rebinding); what it cannot do is ask by another name than its own.

/**
 * Whether a request came by a name of ours.
 *
 * @param host the Host field: a name or address, with or without a port
 * @param localAddress the address that the connection was accepted on
 * @param names further names, in lower case
 */
export function isOwnName(host: string, localAddress: string, names: readonly string[]): boolean {
  const name = withoutPort(host.toLowerCase())
  if (name === undefined) return false
  return name === 'localhost' || name === plainAddress(localAddress) || names.includes(name)
}

/** @returns undefined for what is no Host field (RFC 9110 §7.2) */
function withoutPort(host: string): string | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([\w.-]+))(?::\d{0,5})?$/.exec(host)
  return match?.[1] ?? match?.[2]
}

/** A socket for both address families says `::ffff:192.0.2.1` of an IPv4 address, which nobody asks by. */
function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice('::ffff:'.length) : address
}
