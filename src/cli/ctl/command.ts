// What a command of `castellan ctl` is made of: the words that it takes, what is sent for them, and what is printed of the answer.

import type { JsonObject } from '../../dynsec/json.ts'
import type { Prompts } from './prompts.ts'

export interface CtlCommand {
  /** See `readOperands`; what has further options shows them here and reads them itself. */
  readonly syntax: string
  /** What is sent, but for the command's name; the operands as they are, where it is left out. */
  readonly given?: (words: readonly string[], prompts: Prompts) => JsonObject | Promise<JsonObject>
  /** The lines that are printed of the answer's data; none for a command that changes something. */
  readonly lines?: (data: JsonObject) => readonly string[]
}

export interface CtlModule {
  /** Where its commands are sent. */
  readonly topic: string
  readonly commands: Readonly<Record<string, CtlCommand>>
  readonly help: (calledAs: string) => string
}
