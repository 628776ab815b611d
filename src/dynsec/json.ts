// JSON as cJSON reads it for Mosquitto: names of members are compared without regard to case, and numbers become integers.

export type JsonObject = Readonly<Record<string, unknown>>

/** @returns undefined for a member that is not there */
export function member(object: JsonObject, name: string): unknown {
  if (Object.hasOwn(object, name)) return object[name]
  for (const key in object) {
    // By length first: a large file lacks most of what it may have, a million times.
    if (key.length === name.length && key.toLowerCase() === name.toLowerCase()) return object[key]
  }
  return undefined
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** @returns undefined for what is no text, and for a member that is not there */
export function textOf(object: JsonObject, name: string): string | undefined {
  const value = member(object, name)
  return typeof value === 'string' ? value : undefined
}

/** Any number, cut to a 32-bit integer; anything else is `fallback`. */
export function integerOf(object: JsonObject, name: string, fallback: number): number {
  const value = member(object, name)
  if (typeof value !== 'number') return fallback
  return Math.trunc(Math.min(Math.max(value, -0x8000_0000), 0x7fff_ffff))
}

export function booleanOf(object: JsonObject, name: string, fallback: boolean): boolean {
  const value = member(object, name)
  return typeof value === 'boolean' ? value : fallback
}

/** Empty for what is no object, and for a member that is not there. */
export function objectOf(object: JsonObject, name: string): JsonObject {
  const value = member(object, name)
  return isObject(value) ? value : {}
}

/** The objects of a list; whatever else is in it is passed over. */
export function objectsOf(object: JsonObject, name: string): readonly JsonObject[] {
  const value = member(object, name)
  return Array.isArray(value) ? value.filter(isObject) : []
}

/** What MQTT lets be a string (§1.5.4), and C too. */
export function isMqttText(text: string): boolean {
  return text.isWellFormed() && !/[\p{Cc}\p{Noncharacter_Code_Point}]/u.test(text)
}
