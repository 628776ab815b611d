// What is printed of an explanation. It may come from a broker: all texts are escaped here.

import { escapeText } from '../../base/escape.ts'
import { booleanOf, integerOf, type JsonObject, member, objectOf, objectsOf, textOf } from '../../dynsec/json.ts'

type Lines = readonly string[]

const sourceNames: Readonly<Record<string, string>> = { broker: "the broker's own rules" }

/** @param hasHeading whether there are other answers, for other listeners */
export function answerLines(answer: JsonObject, hasHeading: boolean): Lines {
  const sources = objectsOf(answer, 'sources')
  const matched = sources
    .flatMap(source => objectsOf(source, 'rules'))
    .filter(rule => !booleanOf(rule, 'isFixed', false))
  const looked = sources.reduce((sum, source) => sum + integerOf(source, 'looked', 0), 0)
  return [
    ...(hasHeading ? [`${listenersOf(answer)}:`] : []),
    `  ${decisionOf(answer).padEnd(5)}  decided by  ${ruleText(objectOf(answer, 'decidedBy'))}`,
    `  looked at ${count(looked, 'rule')}, ${matched.length || 'none'} matched${without(answer)}`,
    `  asked  ${asked(sources).join(', ')}`,
    ...matched.slice(2).map(rule => `  then   ${decision(rule, 'allows')} by ${ruleText(rule)}`),
    ...sources.flatMap(source => noteLines(source)),
  ]
}

/** What a broker says of the client; nothing of one that is not connected. */
export function clientLines(client: JsonObject): Lines {
  if (!booleanOf(client, 'connected', false)) return []
  const username = textOf(client, 'username')
  return [
    `  note   the client is connected, ${username === undefined ? 'without a user name' : `as '${shown(username)}'`}`,
  ]
}

/** One line: what was decided, and by what. */
export function decisionLine(answer: JsonObject): string {
  return `${decisionOf(answer)} by ${ruleText(objectOf(answer, 'decidedBy'))}`
}

/** Whose rules they are. */
export function listenersOf(answer: JsonObject): string {
  const names = member(answer, 'listeners')
  const shown = (Array.isArray(names) ? names : []).map(name => escapeText(String(name)))
  return `${shown.length === 1 ? 'listener' : 'listeners'} ${shown.join(', ')}`
}

function decisionOf(answer: JsonObject): string {
  return decision(answer, 'allowed')
}

function decision(object: JsonObject, key: string): string {
  return booleanOf(object, key, false) ? 'ALLOW' : 'DENY'
}

function without(answer: JsonObject): string {
  const next = objectOf(answer, 'without')
  return Object.keys(next).length === 0 ? '' : `; without that rule: ${decision(next, 'allows')} by ${ruleText(next)}`
}

/** Up to the one that decided. */
function asked(sources: readonly JsonObject[]): Lines {
  const last = sources.findIndex(source => objectsOf(source, 'rules').length > 0)
  return sources.slice(0, last + 1).map(nameOf)
}

function noteLines(source: JsonObject): Lines {
  const notes = member(source, 'notes')
  return (Array.isArray(notes) ? notes : []).map(note => `  note   ${nameOf(source)}: ${shown(String(note))}`)
}

function nameOf(source: JsonObject): string {
  const name = textOf(source, 'name') ?? ''
  return sourceNames[name] ?? shown(name)
}

function ruleText(rule: JsonObject): string {
  return shown(textOf(rule, 'text') ?? '')
}

function count(number: number, word: string): string {
  return `${number} ${word}${number === 1 ? '' : 's'}`
}

/** Longer texts are cut. */
function shown(text: string): string {
  return escapeText(text, 4096)
}
