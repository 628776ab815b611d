// The screen of `castellan tap` as lines, and a message as a line for a pipe. Pure; whatever a topic or a payload has in it steers
// no terminal.

import { escapeText } from '../../base/escape.ts'
import type { TappedMessage, TopicTree } from './tree.ts'
import type { Row, TapView } from './view.ts'

export interface ScreenSize {
  readonly columns: number
  readonly rows: number
}

/** How a line is set off: with colours, or as it is. */
export interface Paint {
  title(text: string): string
  chosen(text: string): string
  faint(text: string): string
}

export interface TapStatus {
  /** Where the messages come from, escaped. */
  readonly source: string
  /** Messages that came while the tree stood still. */
  readonly missed: number
}

/** Lines above and below the tree. */
const frame = 3
const widths = { count: 9, rate: 9, size: 9 } as const

/** Rows that the tree has on a screen. */
export function treeHeight({ rows }: ScreenSize): number {
  return Math.max(1, rows - frame)
}

/** @returns as many lines as the screen has at most, none of them longer than it is wide */
export function screenLines(
  tree: TopicTree,
  view: TapView,
  status: TapStatus,
  size: ScreenSize,
  paint: Paint,
): readonly string[] {
  const rows = view.rows(tree)
  const height = treeHeight(size)
  view.scroll(rows.length, height)
  const nameWidth = Math.max(20, Math.min(48, Math.floor(size.columns / 2) - 14))
  const shown = rows.slice(view.top, view.top + height).map((row, index) => {
    const isChosen = view.top + index === view.cursor
    const line = cut(`${isChosen ? '>' : ' '}${rowText(row, nameWidth)}`, size.columns)
    return isChosen ? paint.chosen(line) : line
  })
  const heading = ` ${'TOPIC'.padEnd(nameWidth)}${columnText('MESSAGES', 'PER S', 'BYTES')}  VALUE`
  return [
    paint.title(cut(titleText(tree, view, status), size.columns)),
    paint.faint(cut(heading, size.columns)),
    ...shown,
    ...Array<string>(Math.max(0, height - shown.length)).fill(''),
    paint.faint(cut(footText(view), size.columns)),
  ]
}

/** What a pipe gets of a message, without its end of line: topic, `r` where it was retained, bytes, value, with tabs between. */
export function messageLine({ topicName, payload, retain }: TappedMessage): string {
  return `${escapeText(topicName, 65_535)}\t${retain ? 'r' : '-'}\t${payload.length}\t${valueText(payload, false, Number.POSITIVE_INFINITY)}`
}

/**
 * A payload for people: as text where it is UTF-8, in hexadecimal where it is not.
 *
 * @param isCut whether its end is missing
 * @param limit characters
 */
export function valueText(payload: Uint8Array, isCut: boolean, limit: number): string {
  const text = decoded(payload, isCut)
  if (text !== undefined) return escapeText(text, limit)
  return escapeText(`0x${Buffer.from(payload.buffer, payload.byteOffset, payload.length).toString('hex')}`, limit)
}

/** @returns undefined for what is no UTF-8; a character whose end was cut off is left out */
function decoded(payload: Uint8Array, isCut: boolean): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(payload, { stream: isCut })
  } catch {
    return undefined
  }
}

function titleText(tree: TopicTree, view: TapView, { source, missed }: TapStatus): string {
  const parts = [
    `castellan tap  ${source}`,
    `${tree.root.total} messages`,
    `${rateText(tree.root.rate)}/s`,
    ...(view.filter === '' && !view.isTyping ? [] : [`filter: ${escapeText(view.filter)}${view.isTyping ? '_' : ''}`]),
    ...(view.isPaused ? [`PAUSED, ${missed} passed by`] : []),
    ...(tree.untold > 0 ? [`${tree.untold} on topics beyond the limit`] : []),
  ]
  return parts.join('   ')
}

function footText({ isTyping }: TapView): string {
  return isTyping
    ? 'type part of a topic; Enter keeps it, Esc takes it away'
    : 'arrows move and fold   space folds   / filters   p pauses   q quits'
}

function rowText({ node, depth, isFolded }: Row, nameWidth: number): string {
  const mark = node.children.size === 0 ? ' ' : isFolded ? '+' : '-'
  const name = cut(`${'  '.repeat(Math.min(depth, 12))}${mark} ${escapeText(node.level, 64)}`, nameWidth - 1)
  const size = node.messages === 0 ? '' : `${node.size}`
  const columns = columnText(`${isFolded ? node.total : node.messages || ''}`, rateText(node.rate), size)
  return `${name.padEnd(nameWidth)}${columns} ${node.retained ? 'R' : ' '}${node.messages === 0 ? '' : valueText(node.payload, node.payload.length < node.size, 200)}`
}

function columnText(count: string, rate: string, size: string): string {
  return `${count.padStart(widths.count)}${rate.padStart(widths.rate)}${size.padStart(widths.size)}`
}

function rateText(rate: number): string {
  if (rate === 0) return '0'
  return rate < 10 ? rate.toFixed(1) : `${Math.round(rate)}`
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}~`
}
