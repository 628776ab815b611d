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

/** The file as it has to be now, whatever changes while it is written; in pieces of some hundred entries. */
export function fileText(state: SecurityState): Iterable<string> {
  const { anonymousGroup, changeIndex, defaultAccess } = state
  const head = { changeIndex, defaultACLAccess: defaultAccess, anonymousGroup: anonymousGroup?.name }
  const lists = tablesOf(state).map(([key, table]) => [key, table.values().map(({ text }) => text)] as const)
  return pieces(JSON.stringify(head).slice(0, -1), lists)
}

function* pieces(head: string, lists: readonly (readonly [key: string, texts: readonly string[]])[]) {
  yield head
  for (const [key, texts] of lists) {
    yield `,\n"${key}":[\n`
    for (let i = 0; i < texts.length; i += entriesPerTurn) {
      yield `${i === 0 ? '' : ',\n'}${texts.slice(i, i + entriesPerTurn).join(',\n')}`
    }
    yield ']'
  }
  yield '}\n'
}

function tablesOf({ clients, groups, roles }: SecurityState) {
  return [
    ['clients', clients],
    ['groups', groups],
    ['roles', roles],
  ] as const
}
