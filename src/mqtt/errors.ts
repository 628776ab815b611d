// What a peer can do wrong on the wire, as errors that carry the reason code and the clause they break.

import { AppError } from '../base/errors.ts'
import { ReasonCode } from './reason-code.ts'

/** The peer broke MQTT: ends that connection only. */
export class ProtocolError extends AppError {
  /** The MQTT 5 reason code of the DISCONNECT or CONNACK that answers it. */
  readonly reasonCode: number
  /** The clause that was broken, `MQTT-3.1.0-2` or `§3.3.2.3.4`. */
  readonly clause: string
  constructor(code: string, reasonCode: number, clause: string, message: string) {
    super(code, message)
    this.reasonCode = reasonCode
    this.clause = clause
  }
}

/** Bytes that do not decode (0x81). */
export class MalformedPacketError extends ProtocolError {
  constructor(clause: string, message: string) {
    super('ERR_MQTT_MALFORMED_PACKET', ReasonCode.malformedPacket, clause, message)
  }
}

/** Decodes, but is illegal here or now (0x82 unless another code says it better). */
export class ProtocolViolationError extends ProtocolError {
  constructor(clause: string, message: string, reasonCode: number = ReasonCode.protocolError) {
    super('ERR_MQTT_PROTOCOL_VIOLATION', reasonCode, clause, message)
  }
}

/** The announced length passes the limit (0x95); nothing of it was buffered. */
export class PacketTooLargeError extends ProtocolError {
  constructor(announced: number, maximum: number) {
    super(
      'ERR_MQTT_PACKET_TOO_LARGE',
      ReasonCode.packetTooLarge,
      'MQTT-3.2.2-15',
      `packet of ${announced} bytes announced, at most ${maximum} are accepted`,
    )
  }
}
