// Fetches a JSON Web Key Set over HTTPS. Nothing in it is signed, so that nobody on the way may change it: HTTP is for this
// machine alone, and redirects are not followed.

/** Bounds of one fetch. */
export const keySetLimits = { timeoutMs: 5000, maximumBytes: 256 * 1024 } as const

/** Whether `fetchKeySet` takes it. */
export function isKeySetUrl(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, hostname, username, password } = new URL(text)
  if (username !== '' || password !== '') return false
  return protocol === 'https:' || (protocol === 'http:' && ['127.0.0.1', '[::1]', 'localhost'].includes(hostname))
}

/**
 * @param url that `isKeySetUrl` accepts
 * @returns the body of an answer 200
 * @throws Error for any other answer, none within `timeoutMs`, or one beyond `maximumBytes`
 */
export async function fetchKeySet(url: string): Promise<string> {
  if (!isKeySetUrl(url)) throw new Error('only https is fetched')
  const signal = AbortSignal.timeout(keySetLimits.timeoutMs)
  const response = await fetch(url, { signal, redirect: 'error', headers: { accept: 'application/json' } })
  if (response.status !== 200) {
    await response.body?.cancel()
    throw new Error(`the answer is ${response.status}`)
  }
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    size += chunk.length
    if (size > keySetLimits.maximumBytes) throw new Error(`the answer has more than ${keySetLimits.maximumBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
