// What both tables of normative statements are made of.

/** Whom a statement obliges. What a server must do about a client that breaks its own obligation is tested too. */
export type Binds = 'server' | 'client' | 'both'

/** One numbered normative statement, told in our own words. */
export interface Statement {
  /** As in Appendix B of the standard: `MQTT-3.1.0-1`. */
  readonly id: string
  readonly binds: Binds
  readonly says: string
}

/** A table row: the number without `MQTT-`, whom it binds, what it says. */
export type Row = readonly [number: string, binds: Binds, says: string]

export function statements(rows: readonly Row[]): readonly Statement[] {
  return rows.map(([number, binds, says]) => ({ id: `MQTT-${number}`, binds, says }))
}
