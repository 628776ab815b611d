// All commands by name, which is compared without regard to case.

import type { Command } from '../command.ts'
import { clientCommands } from './clients.ts'
import { generalCommands } from './general.ts'
import { groupCommands } from './groups.ts'
import { roleCommands } from './roles.ts'

export interface KnownCommand {
  /** As it is documented. */
  readonly name: string
  readonly command: Command
}

export const commandTable: Readonly<Record<string, Command>> = {
  ...generalCommands,
  ...clientCommands,
  ...groupCommands,
  ...roleCommands,
}

const byLowerCase: ReadonlyMap<string, KnownCommand> = new Map(
  Object.entries(commandTable).map(([name, command]) => [name.toLowerCase(), { name, command }]),
)

export function findCommand(name: string): KnownCommand | undefined {
  return byLowerCase.get(name.toLowerCase())
}
