// Reads the README as a script. The word behind a code block's language says what a reader does with it:
//
//   conf file=NAME         writes the block to NAME in the clone
//   sh run [root] [exits=N] [types="TEXT"]
//                          runs it to its end, as root only if told so; it must exit with N, 0 unless told; TEXT is typed
//                          whenever it asks
//   sh serve               starts it, and leaves it running until the next one starts or the README ends
//   text prints            what the block before it printed
//
// Blocks without such a word are for reading only.

export type Block =
  | { readonly kind: 'file'; readonly name: string; readonly text: string }
  | {
      readonly kind: 'run'
      readonly script: string
      readonly rootOnly: boolean
      readonly exits: number
      readonly types: string | undefined
    }
  | { readonly kind: 'serve'; readonly script: string }
  | { readonly kind: 'prints'; readonly text: string }

/** The blocks below each heading, in order. */
export function blocksBySection(markdown: string): ReadonlyMap<string, readonly Block[]> {
  const sections = new Map<string, Block[]>()
  let blocks: Block[] = []
  for (const [, heading, info = '', text = ''] of markdown.matchAll(/^#+ (.*)$|^```(.*)\n([\s\S]*?)^```$/gm)) {
    if (heading !== undefined) {
      blocks = []
      sections.set(heading, blocks)
    } else {
      const block = readBlock(info, text)
      if (block !== undefined) blocks.push(block)
    }
  }
  return sections
}

function readBlock(info: string, text: string): Block | undefined {
  const name = / file=(\S+)/.exec(info)?.[1]
  if (name !== undefined) return { kind: 'file', name, text }
  if (/^sh serve$/.test(info)) return { kind: 'serve', script: text }
  if (/^text prints$/.test(info)) return { kind: 'prints', text }
  if (!/^sh run\b/.test(info)) return undefined
  const exits = Number(/ exits=(\d+)/.exec(info)?.[1] ?? 0)
  const rootOnly = /^sh run root\b/.test(info)
  return { kind: 'run', script: text, rootOnly, exits, types: / types="([^"]*)"/.exec(info)?.[1] }
}
