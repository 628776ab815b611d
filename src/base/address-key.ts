// Who counts as one peer where peers share out something between them: what one host can have many of is one.

/**
 * The key of an address: an IPv6 host owns a whole /64, so that is what counts; an IPv4 address inside IPv6 is the IPv4 one.
 *
 * @returns undefined on a unix socket (`''`), where all clients would share one key
 */
export function addressKey(address: string): string | undefined {
  if (address === '') return undefined
  if (!address.includes(':')) return address
  const [plain = ''] = address.split('%')
  const groups = groupsOf(plain)
  const [high = 0, low = 0] = groups.slice(6)
  const isIPv4 = groups.slice(0, 5).every(group => group === 0) && groups[5] === 0xffff
  if (isIPv4) return [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.')
  const front = groups.slice(0, 4).map(group => group.toString(16))
  return `${front.join(':')}::/64`
}

/** The eight numbers of an IPv6 address (RFC 4291 §2.2). */
function groupsOf(address: string): readonly number[] {
  const [front = '', back] = address.split('::')
  const before = numbersOf(front)
  const after = numbersOf(back ?? '')
  return [...before, ...Array<number>(Math.max(0, 8 - before.length - after.length)).fill(0), ...after]
}

/** A dotted tail stands for two of them. */
function numbersOf(text: string): readonly number[] {
  if (text === '') return []
  return text.split(':').flatMap(group => {
    if (!group.includes('.')) return Number.parseInt(group, 16)
    const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number)
    return [(a << 8) | b, (c << 8) | d]
  })
}
