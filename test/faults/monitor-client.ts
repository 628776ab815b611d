// What a supervisor asks a broker: `/readyz` and single metrics.

import { parseExposition } from '../support/exposition-parser.ts'

/** `200`, or `503` with why. */
export async function readiness(metricsPort: number): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${metricsPort}/readyz`)
  const text = (await response.text()).trim()
  return response.ok ? '200' : `${response.status} ${text}`
}

export async function metric(metricsPort: number, name: string): Promise<number | undefined> {
  const response = await fetch(`http://127.0.0.1:${metricsPort}/metrics`)
  return parseExposition(await response.text())
    .get(name)
    ?.samples.get('')
}
