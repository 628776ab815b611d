// The path of a request, taken apart before anything is looked up by it: what could mean another place, or a wildcard to the rules
// of topics, is no path at all.

/** Most parts of a path. */
const mostSegments = 32

/**
 * @param url the request target, as `/docs/a%20page.html?x`
 * @returns its decoded parts, the last one empty for a directory; undefined for a path that nothing here has
 */
export function pathSegments(url: string): readonly string[] | undefined {
  const [path = ''] = url.split('?', 1)
  if (!path.startsWith('/')) return undefined
  const segments = path.slice(1).split('/').map(decode)
  const last = segments.length - 1
  const isPlain = segments.length <= mostSegments && segments.every((part, i) => isSegment(part, i === last))
  return isPlain ? (segments as readonly string[]) : undefined
}

function decode(part: string): string | undefined {
  try {
    return decodeURIComponent(part)
  } catch {
    return undefined
  }
}

/** A name that begins with a dot is hidden, or another directory; `+` and `#` would match other topics (MQTT 5, §4.7.1). */
function isSegment(part: string | undefined, isLast: boolean): boolean {
  if (part === undefined || part.startsWith('.')) return false
  if (part === '') return isLast
  return part.isWellFormed() && !/[/\\+#\p{Cc}]/u.test(part)
}
