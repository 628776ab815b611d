// Reason codes for people.

import { ReasonCode } from '../mqtt/reason-code.ts'

/** As `not authorized (0x87)`. */
export function describeReason(reasonCode: number): string {
  const [name = 'reason'] = Object.entries(ReasonCode).find(([, code]) => code === reasonCode) ?? []
  const words = name.replaceAll(/(?<=[a-z])[A-Z]/g, letter => ` ${letter.toLowerCase()}`)
  return `${words} (0x${reasonCode.toString(16).padStart(2, '0')})`
}
