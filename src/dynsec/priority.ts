// Priorities as commands and files give them.

import { integerOf, type JsonObject } from './json.ts'

/** Farther from 0 none is kept. */
export const mostPriority = 100_000

/** Mosquitto lets some commands go below; here none does. */
export function priorityOf(object: JsonObject, fallback: number): number {
  return Math.min(Math.max(integerOf(object, 'priority', fallback), -mostPriority), mostPriority)
}
