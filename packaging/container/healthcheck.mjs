// Asks the broker in this container how it is. Exit codes: 0 well, 1 not well, or no answer in time.

const port = process.env.CASTELLAN_METRICS_PORT ?? '9883'
const limitMs = 4000

try {
  const { ok } = await fetch(`http://127.0.0.1:${port}/healthz`, { signal: AbortSignal.timeout(limitMs) })
  process.exitCode = ok ? 0 : 1
} catch {
  process.exitCode = 1
}
