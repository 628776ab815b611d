// Words of a command line that a person pastes into a shell.

const plain = /^[A-Za-z0-9_@%+=:,./-]+$/

/** The word as POSIX shells read it back: as it is where it needs no quotes, else in single quotes. */
export function shellQuote(word: string): string {
  return plain.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}
