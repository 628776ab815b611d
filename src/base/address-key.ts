// Who counts as one peer where peers share out something between them: what one host can have many of is one.

/**
 * The key of an address: an IPv6 host owns a whole /64, so that is what counts; an IPv4 address inside IPv6 is the IPv4 one.
 *
 * @returns undefined on a unix socket (`''`), where all clients would share one key
 */
export function addressKey(address: string): string | undefined {
  if (address === '') return undefined
  if (!address.includes(':')) return address
  const [plain = ''] = address.toLowerCase().split('%')
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(plain)?.[1]
  if (mapped !== undefined) return mapped
  const [front = '', back] = plain.split('::')
  const before = front === '' ? [] : front.split(':')
  const after = back === undefined || back === '' ? [] : back.split(':')
  // A dotted tail stands for two groups; only how many groups follow matters here.
  const behind = after.length + (after.at(-1)?.includes('.') === true ? 1 : 0)
  const zeros = back === undefined ? 0 : 8 - before.length - behind
  const groups = [...before, ...Array<string>(zeros).fill('0'), ...after].slice(0, 4)
  return `${groups.map(group => Number.parseInt(group, 16).toString(16)).join(':')}::/64`
}
