// The text of dynamic-security.json. The whole file is written for each change, and most of it is as before: the text of an
// entry is made once.

import type { SecurityState } from './state.ts'

/** Entries whose text is made in one turn of the event loop, in some milliseconds. */
const entriesPerTurn = 500

/** Makes what texts are missing, bit by bit, so that `fileText` has little left to make. */
export async function prepareText(state: SecurityState, nextTurn: () => Promise<void>): Promise<void> {
  let made = 0
  for (const [, table] of tablesOf(state)) {
    // Entries come and go between the turns: those that are passed over are made in `fileText`.
    for (let i = 0; i < table.values().length; i++) {
      if (table.values()[i]?.prepareText() === true && ++made % entriesPerTurn === 0) await nextTurn()
    }
  }
}

/** The file as it has to be now, in pieces. */
export function fileText(state: SecurityState): readonly string[] {
  const { anonymousGroup, changeIndex, defaultAccess } = state
  const head = { changeIndex, defaultACLAccess: defaultAccess, anonymousGroup: anonymousGroup?.name }
  const pieces = [JSON.stringify(head).slice(0, -1)]
  for (const [key, table] of tablesOf(state)) {
    pieces.push(`,\n"${key}":[`)
    let separator = '\n'
    for (const { text } of table.values()) {
      pieces.push(separator, text)
      separator = ',\n'
    }
    pieces.push(']')
  }
  pieces.push('}\n')
  return pieces
}

function tablesOf({ clients, groups, roles }: SecurityState) {
  return [
    ['clients', clients],
    ['groups', groups],
    ['roles', roles],
  ] as const
}
