// Which properties of a PUBLISH go on to subscribers unaltered (§3.3.2.3): the others belong to one hop.

import type { Properties } from '../mqtt/packet.ts'

export type MutableProperties = { -readonly [Key in keyof Properties]: Properties[Key] }

/** A copy without topic alias, expiry and identifiers, for the caller to add those of the next hop. */
export function forwardedProperties(properties: Properties): MutableProperties {
  const copy: MutableProperties = {}
  if (properties.payloadFormatIndicator !== undefined) copy.payloadFormatIndicator = properties.payloadFormatIndicator
  if (properties.contentType !== undefined) copy.contentType = properties.contentType
  if (properties.responseTopic !== undefined) copy.responseTopic = properties.responseTopic
  if (properties.correlationData !== undefined) copy.correlationData = properties.correlationData
  if (properties.userProperties !== undefined) copy.userProperties = properties.userProperties
  return copy
}
