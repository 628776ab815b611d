// The text of dynamic-security.json. The whole file is written again and again, and most of it is as before: the text of an
// entry is made once.

import type { SecurityState } from './state.ts'

/** Characters of text that are made in one turn of the event loop, in a millisecond or so. */
const charactersPerTurn = 65_536
/** Entries that are handed out in one piece: some ten thousand characters, which V8 takes for short-lived. */
const entriesPerPiece = 200

/** Makes what texts are missing, bit by bit, so that `fileText` has little left to make. */
export async function prepareText(state: SecurityState, nextTurn: () => Promise<void>): Promise<void> {
  // Between the turns entries come, go and change behind the place where it is: until a round finds next to nothing.
  for (let made = charactersPerTurn; made >= charactersPerTurn; ) made = await prepareRound(state, nextTurn)
}

/** @returns how many characters were missing */
async function prepareRound(state: SecurityState, nextTurn: () => Promise<void>): Promise<number> {
  let made = 0
  let turnsEnd = charactersPerTurn
  for (const [, table] of tablesOf(state)) {
    for (let i = 0; i < table.values().length; i++) {
      const entry = table.values()[i]
      if (entry?.prepareText() !== true) continue
      made += entry.text.length
      if (made < turnsEnd) continue
      await nextTurn()
      turnsEnd = made + charactersPerTurn
    }
  }
  return made
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
    for (let i = 0; i < texts.length; i += entriesPerPiece) {
      yield `${i === 0 ? '' : ',\n'}${texts.slice(i, i + entriesPerPiece).join(',\n')}`
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
