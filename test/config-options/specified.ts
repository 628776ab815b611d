// How an option of Mosquitto 2.1 is written down here, to be compared with ours: one table for each part of its manual.

export interface SpecifiedOption {
  readonly aliases?: readonly string[]
  /** As `Option.scope`. */
  readonly scope: string
  /** What holds without a line, as Mosquitto has it; left out: nothing. */
  readonly preset?: unknown
  /** What may follow the name. */
  readonly valid: readonly string[]
  /** What may not, and the line that says so. */
  readonly invalid?: readonly (readonly [value: string, message: string])[]
  /** Further lines that a valid one needs behind it. */
  readonly with?: string
  /** Whether its manual says that a reload takes a changed value. */
  readonly reloads?: true
  /** The test file that shows what it does; `none` for what is accepted and does nothing. */
  readonly effect: string
}

export type SpecifiedOptions = Readonly<Record<string, SpecifiedOption>>

/** Neither `true` nor `false`. */
export function noBool(name: string): readonly [string, string] {
  return ['yes', `Error: Invalid '${name}' value (yes).`]
}

export function noNumber(name: string): readonly [string, string] {
  return ['many', `Error: '${name}' value not a number.`]
}

export function empty(name: string): readonly [string, string] {
  return ['', `Error: Empty '${name}' value in configuration.`]
}
