// The WebSocket of `ws`, but one that does not answer the peer's Close frame by itself: what the peer sent before it is
// worked off and answered first, as behind the end of a TCP stream.

import { WebSocket } from 'ws'

/** RFC 6455 §7.4.1. */
export const CloseCode = { normal: 1000, unsupportedData: 1003, policyViolation: 1008, tooBig: 1009 } as const

export class MqttWebSocket extends WebSocket {
  /** The peer's Close frame is there, or its frames were wrong; then 'error' follows at once. */
  onClosing: (() => void) | undefined = undefined
  #code: number | undefined = undefined

  /** `ws` calls this when the closing begins on the other side. */
  override close(code?: number): void {
    if (this.readyState !== WebSocket.OPEN || this.onClosing === undefined) {
      super.close(code)
      return
    }
    this.#code ??= code
    this.onClosing()
  }

  /** Sends our Close frame: with the peer's code when it began, else with this one. */
  finish(code: number): void {
    super.close(this.#code ?? code)
  }
}
