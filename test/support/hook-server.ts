// An HTTP hook for tests: over HTTPS, or without, it answers what the test says, and keeps what it was asked.

import { readFileSync } from 'node:fs'
import { createServer as createPlainServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import type { CertificateFiles } from './authority.ts'

export interface HookQuestion {
  readonly action: 'connect' | 'renew'
  readonly username: string
  readonly clientId: string
  readonly password: string | null
  readonly address: string | null
  readonly certificate: Readonly<Record<string, string>> | null
}

/** What it answers by user name; nothing stands for `{"result":"ignore"}`. */
export type HookAnswers = Record<string, object>

export class HookServer {
  readonly url: string
  readonly questions: HookQuestion[] = []
  /** The `Authorization` of each question. */
  readonly secrets: (string | undefined)[] = []
  readonly answers: HookAnswers
  /** Called with each question, before it is answered. */
  onQuestion: (question: HookQuestion) => void = () => {}
  readonly #server: Server

  private constructor(server: Server, scheme: string, answers: HookAnswers) {
    this.#server = server
    this.answers = answers
    this.url = `${scheme}://localhost:${(server.address() as AddressInfo).port}/hook`
    server.on('request', (request, response) => void this.#answer(request, response))
  }

  /** @param files its certificate; without it there is no TLS */
  static async start(
    t: Pick<TestContext, 'after'>,
    answers: HookAnswers,
    files?: CertificateFiles,
  ): Promise<HookServer> {
    const server =
      files === undefined
        ? createPlainServer()
        : createServer({ cert: readFileSync(files.cert), key: readFileSync(files.key) })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const hook = new HookServer(server, files === undefined ? 'http' : 'https', answers)
    t.after(() => hook.close())
    return hook
  }

  /** Who is asking is cut off. */
  close(): void {
    this.#server.close()
    this.#server.closeAllConnections()
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
    const question = JSON.parse(Buffer.concat(chunks).toString()) as HookQuestion
    this.questions.push(question)
    this.secrets.push(request.headers.authorization)
    this.onQuestion(question)
    response.end(JSON.stringify(this.answers[question.username] ?? { result: 'ignore' }))
  }
}
