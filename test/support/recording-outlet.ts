// A connection as a session's outbound half sees it: it notes what it is given to send.

import type { ProtocolVersion } from '../../src/mqtt/packet.ts'
import type { PublishRun } from '../../src/mqtt/publish-run.ts'
import type { Delivery, Outlet } from '../../src/session/outbound.ts'

export class RecordingOutlet implements Outlet {
  /** Set to false by a test that plays a slow peer. */
  writable = true
  /** Payloads that pass the client's Maximum Packet Size. */
  readonly tooLarge = new Set<string>()
  drops = 0
  protocolVersion: ProtocolVersion = 4
  /** Plain packets of more bytes it does not take as they are. */
  plainLimit = Number.POSITIVE_INFINITY
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

  takesPlain(size: number): boolean {
    return size <= this.plainLimit
  }

  /** Noted as `run <its bytes in hex>`. */
  sendRun(run: PublishRun): void {
    this.#sent.push(`run ${Buffer.from(run.bytesFor(this.protocolVersion)).toString('hex')}`)
  }

  /** Noted as `packet <its bytes in hex>`. */
  sendPacketOf({ buffer, packetStart, packetEnd }: PublishRun): void {
    this.#sent.push(`packet ${buffer.subarray(packetStart, packetEnd).toString('hex')}`)
  }

  dropped(): void {
    this.drops++
  }

  awaitRecord(): void {}

  sendPubrel(packetId: number, reasonCode: number): void {
    this.#sent.push(`pubrel m${packetId}${reasonCode === 0 ? '' : ` 0x${reasonCode.toString(16)}`}`)
  }
}
