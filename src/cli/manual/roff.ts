// Text in the language of manual pages (man(7)).

/** @returns the text with nothing in it that roff would take for itself */
export function roffText(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(
      /[^\x00-\x7f]/gu,
      character => `\\[u${(character.codePointAt(0) as number).toString(16).toUpperCase().padStart(4, '0')}]`,
    )
    .replace(/^[.']/gm, '\\&$&')
}

/** A line in bold. */
export function roffBold(text: string): string {
  return `\\fB${roffText(text)}\\fR`
}

/** The first lines of a page; without a date, so that the same sources make the same page. */
export function roffHead(name: string, section: 1 | 5, version: string, summary: string): string {
  return `.TH ${quoted(name.toUpperCase())} ${section} "" ${quoted(`castellan ${version}`)} "Castellan"
.nh
.ad l
.SH NAME
${roffText(name)} \\- ${roffText(summary)}
`
}

export function roffSection(title: string): string {
  return `.SH ${quoted(title.toUpperCase())}\n`
}

export function roffSubsection(title: string): string {
  return `.SS ${quoted(title)}\n`
}

/** A term, and what is said about it, further to the right. */
export function roffItem(term: string, text: string): string {
  return `.TP\n${roffBold(term)}\n${text === '' ? '\\&' : roffText(text)}\n`
}

export function roffParagraph(text: string): string {
  return `.PP\n${roffText(text)}\n`
}

/** Lines that stay as they are. */
export function roffLines(lines: readonly string[]): string {
  return `.PP\n.nf\n${lines.map(roffText).join('\n')}\n.fi\n`
}

function quoted(text: string): string {
  return `"${roffText(text).replaceAll('"', '\\(dq')}"`
}
