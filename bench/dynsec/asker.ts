// Somebody who sends commands and waits for their answers.

import { publishBytes, subscribeBytes } from '../../test/support/packet-bytes.ts'
import { readPublish } from '../../test/support/packet-reader.ts'
import { BenchError } from '../bench-error.ts'
import { administrator } from './dataset.ts'
import { Waiter } from './waiter.ts'

const topic = '$CONTROL/dynamic-security/v1'
const version = 5

export class Asker {
  readonly #waiter: Waiter
  #packetId = 1

  private constructor(waiter: Waiter) {
    this.#waiter = waiter
  }

  static async join(port: number): Promise<Asker> {
    const waiter = new Waiter(port)
    await waiter.connect(administrator)
    waiter.link.send(subscribeBytes({ version, packetId: 1, subscriptions: [{ filter: `${topic}/response`, qos: 0 }] }))
    await waiter.next('SUBACK')
    return new Asker(waiter)
  }

  /** @returns milliseconds until the answer @throws BenchError when a command was refused, LeftAloneError without an answer */
  async ask(...commands: readonly object[]): Promise<number> {
    this.#packetId = (this.#packetId % 65_535) + 1
    const bytes = publishBytes({
      version,
      topic,
      qos: 1,
      packetId: this.#packetId,
      payload: JSON.stringify({ commands }),
    })
    const from = performance.now()
    this.#waiter.link.send(bytes)
    const packet = await this.#waiter.next('PUBLISH')
    const milliseconds = performance.now() - from
    const payload = readPublish(packet, version).payload.toString()
    const error = payload.length < 65_536 ? /"error":"[^"]*"/.exec(payload)?.[0] : undefined
    if (error !== undefined) throw new BenchError(`a command was refused: ${error}`)
    return milliseconds
  }

  leave(): void {
    this.#waiter.link.destroy()
  }
}
