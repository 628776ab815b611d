// One question and one answer over HTTPS, for services that passwords are sent to: bounded in time, size and connections;
// certificates are verified, and redirects not followed.

import type { Agent, IncomingMessage, RequestOptions } from 'node:http'

/** Most bytes of an answer. */
export const mostAnswerBytes = 16 * 1024

export interface HttpDestination {
  /** https, or http. */
  readonly url: string
  /** PEM; undefined for the authorities of Node. */
  readonly ca: string | undefined
  /** Sent as the bearer token of each question. */
  readonly secret: string | undefined
  readonly timeoutMs: number
  readonly connections: number
}

type Transport = Pick<typeof import('node:http'), 'request' | 'Agent'>

export class HttpExchange {
  readonly #destination: HttpDestination
  #agent: Agent | undefined

  constructor(destination: HttpDestination) {
    this.#destination = destination
  }

  /**
   * Sends JSON by POST.
   *
   * @returns the body of an answer 200
   * @throws Error for everything else; its message holds nothing of question or answer
   */
  async post(body: string): Promise<string> {
    const { timeoutMs } = this.#destination
    const signal = AbortSignal.timeout(timeoutMs)
    try {
      return await this.#send(body, signal)
    } catch (error) {
      // What made it fail is only that the time was over.
      if (signal.aborted) throw new Error(`no answer within ${timeoutMs} ms`)
      throw error
    }
  }

  async #send(body: string, signal: AbortSignal): Promise<string> {
    const { url, secret } = this.#destination
    // Node's HTTP costs a start 50 ms, and most brokers ask nobody.
    const { request, Agent }: Transport = url.startsWith('https:')
      ? await import('node:https')
      : await import('node:http')
    this.#agent ??= new Agent(this.#agentOptions())
    const headers = {
      accept: 'application/json',
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      ...(secret !== undefined && { authorization: `Bearer ${secret}` }),
    }
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    const options: RequestOptions = { method: 'POST', agent: this.#agent, headers, signal }
    let hasAnswer = false
    const outgoing = request(url, options, response => {
      hasAnswer = true
      take(response).then(resolve, reject)
    })
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      // The other side has closed a connection that was kept just when it was used again: it has not seen the question.
      const isStale = outgoing.reusedSocket && error.code === 'ECONNRESET' && !signal.aborted && !hasAnswer
      if (isStale) resolve(this.#send(body, signal))
      else reject(error)
    })
    // Node closes the connection then, and tells nobody, not even when the time is over.
    outgoing.on('upgrade', (_response, socket) => {
      socket.destroy()
      reject(new Error('the answer is 101'))
    })
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    outgoing.end(body)
    return promise
  }

  /** Connections that nobody uses close by the same limit of time as those on which nothing comes. */
  #agentOptions() {
    const { ca, connections, timeoutMs } = this.#destination
    return {
      keepAlive: true,
      maxSockets: connections,
      maxFreeSockets: connections,
      timeout: timeoutMs,
      minVersion: 'TLSv1.2',
      // Said, so that the environment (`NODE_TLS_REJECT_UNAUTHORIZED`) cannot say otherwise.
      rejectUnauthorized: true,
      ...(ca !== undefined && { ca }),
    } as const
  }
}

async function take(response: IncomingMessage): Promise<string> {
  if (response.statusCode !== 200) {
    response.destroy()
    throw new Error(`the answer is ${response.statusCode}`)
  }
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > mostAnswerBytes) throw new Error(`the answer has more than ${mostAnswerBytes} bytes`)
    chunks.push(chunk)
  }
  if (!response.complete) throw new Error('the answer is cut short')
  return Buffer.concat(chunks).toString('utf8')
}
