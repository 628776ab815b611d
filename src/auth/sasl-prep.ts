// SASLprep (RFC 4013): brings user names and passwords of SCRAM to one form, so that the same word typed on two keyboards is
// the same bytes. Left out: the check of bidirectional strings (RFC 3454 §6), for which JavaScript has no character property;
// "unassigned" is judged by the Unicode version of this Node, not by 3.2. Both only let more words in.

/** RFC 3454 table B.1: left out of the result. The odd ones are the joiners and variation selectors. */
const mappedToNothing =
  // biome-ignore lint/suspicious/noMisleadingCharacterClass: single code points of the table, not sequences
  /[\u00ad\u034f\u1806\u180b-\u180d\u200b-\u200d\u2060\ufe00-\ufe0f\ufeff]/gu
const spaces = /\p{Zs}/gu
/** RFC 3454 tables C.2 to C.9, less what NFKC has replaced: controls, private use, non-characters, surrogates, and what steers the display. */
const prohibited =
  /[\p{Cc}\p{Co}\p{Cs}\p{Cn}\p{Zl}\p{Zp}\u06dd\u070f\u180e\u200e\u200f\u202a-\u202e\u2061-\u2063\u206a-\u206f\u2ff0-\u2ffb\ufff9-\ufffd\u{1d173}-\u{1d17a}\u{e0001}\u{e0020}-\u{e007f}]/u

/** Whether a SCRAM login can have this name: it is looked up as prepared, so it has to stand in the file in that form. */
export function isPrepared(username: string): boolean {
  return saslPrep(username) === username
}

/** @returns the prepared text, or undefined when it is empty or has a character that RFC 4013 §2.3 prohibits */
export function saslPrep(text: string): string | undefined {
  const prepared = text.replace(mappedToNothing, '').replace(spaces, ' ').normalize('NFKC')
  return prepared === '' || prohibited.test(prepared) ? undefined : prepared
}
