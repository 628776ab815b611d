// A connection as a session's outbound half sees it: it notes what it is given to send.

import type { Delivery, Outlet } from '../../src/session/outbound.ts'

export class RecordingOutlet implements Outlet {
  /** Set to false by a test that plays a slow peer. */
  writable = true
  /** Payloads that pass the client's Maximum Packet Size. */
  readonly tooLarge = new Set<string>()
  drops = 0
  readonly #sent: string[] = []

  /** `<payload> q<qos> m<packet id>`, ` dup` behind what is sent again, and `pubrel m<packet id>`, since the last time. */
  get sent(): string[] {
    return this.#sent.splice(0)
  }

  sendPublish({ message, qos }: Delivery, packetId: number, dup: boolean): boolean {
    const payload = Buffer.from(message.payload).toString()
    if (this.tooLarge.has(payload)) return false
    this.#sent.push(`${payload} q${qos} m${packetId}${dup ? ' dup' : ''}`)
    return true
  }

  dropped(): void {
    this.drops++
  }

  sendPubrel(packetId: number, reasonCode: number): void {
    this.#sent.push(`pubrel m${packetId}${reasonCode === 0 ? '' : ` 0x${reasonCode.toString(16)}`}`)
  }
}
