// Options as getopts reads them, `-cNAME` or `-c NAME`, and the long ones that castellan adds.

import { parseArgs } from 'node:util'

/** What the scripts of easy-ca are called with. */
export interface ScriptOptions {
  readonly d: string | undefined
  readonly s: string | undefined
  readonly c: string | undefined
  readonly n: string | undefined
  /** Every `-a`. */
  readonly list: readonly string[]
  /** No questions but for passphrases: every default is taken. */
  readonly batch: boolean
  readonly yes: boolean
  readonly passFile: string | undefined
  /** 1 to 7. */
  readonly reason: string | undefined
  /** `/C=PT/O=Example/CN=name`: instead of the questions about names. */
  readonly subject: string | undefined
  readonly days: string | undefined
  readonly keyType: string | undefined
  readonly easycaEku: boolean
}

const text = { type: 'string' } as const
const flag = { type: 'boolean' } as const

/**
 * @param letters those that this script knows
 * @returns undefined for anything else on the command line
 */
export function readScriptOptions(args: readonly string[], letters: string): ScriptOptions | undefined {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        d: { ...text, short: 'd' },
        s: { ...text, short: 's' },
        c: { ...text, short: 'c' },
        n: { ...text, short: 'n' },
        a: { ...text, short: 'a', multiple: true },
        batch: flag,
        yes: flag,
        'pass-file': text,
        reason: text,
        subject: text,
        days: text,
        'key-type': text,
        'easyca-eku': flag,
      },
      allowPositionals: false,
      strict: true,
    })
    const { d, s, c, n, a = [], batch = false, yes = false, reason, subject, days } = values
    const foreign = Object.keys(values).find(name => name.length === 1 && !letters.includes(name))
    if (foreign !== undefined) return undefined
    return {
      ...{ d, s, c, n, list: a, batch, yes, reason, subject, days },
      keyType: values['key-type'],
      passFile: values['pass-file'],
      easycaEku: values['easyca-eku'] === true,
    }
  } catch {
    return undefined
  }
}
