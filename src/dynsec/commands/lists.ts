// What the commands that list things have in common: a part of a table, by name or with all that is known.

import type { CommandArguments } from '../arguments.ts'
import type { Command, CommandContext } from '../command.ts'
import type { JsonObject } from '../json.ts'
import type { Named, NameTable } from '../name-table.ts'

/**
 * @param key what the list is called in the answer
 * @param describe an entry in full
 */
export function listCommand<T extends Named>(
  key: string,
  tableOf: (context: CommandContext) => NameTable<T>,
  describe: (entry: T, context: CommandContext) => JsonObject,
): Command {
  return {
    changes: false,
    run(given, context) {
      const isVerbose = given.boolean('verbose', false)
      const [offset, count] = [given.integer('offset', 0), given.integer('count', -1)]
      context.audit({ verbose: isVerbose, count, offset })
      const table = tableOf(context)
      const entries = page(table.values(), Math.max(0, offset), count)
      const list = entries.map(entry => (isVerbose ? describe(entry, context) : entry.name))
      return { totalCount: table.size, [key]: list }
    },
  }
}

/** Below 0 all that are left, and one at least. */
export function page<T>(entries: readonly T[], offset: number, count: number): readonly T[] {
  return entries.slice(offset, count < 0 ? undefined : offset + Math.max(1, count))
}

/** The texts of a new entry, or of one that is changed. */
export function newTexts(given: CommandArguments) {
  return {
    textName: given.optionalText('textname', 'Invalid/missing textname'),
    textDescription: given.optionalText('textdescription', 'Invalid/missing textdescription'),
  }
}

/** What Mosquitto does with a text that is none: it leaves the old one. */
export function changedTexts(given: CommandArguments) {
  return { textName: given.anyText('textname'), textDescription: given.anyText('textdescription') }
}

interface Texts {
  textName: string | undefined
  textDescription: string | undefined
}

export function setTexts(entry: Texts, { textName, textDescription }: Readonly<Texts>): void {
  if (textName !== undefined) entry.textName = textName
  if (textDescription !== undefined) entry.textDescription = textDescription
}
