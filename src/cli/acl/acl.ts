// `castellan acl`: who may do what by the rules of files or of a running broker, and which rule says so.

import { safeJson } from '../../audit/present.ts'
import { escapeText } from '../../base/escape.ts'
import { booleanOf, type JsonObject } from '../../dynsec/json.ts'
import { type Action, complain, operands, parse, runAction, UsageError } from '../command.ts'
import { exitCode } from '../exit-code.ts'
import { wantsJson } from '../output-format.ts'
import type { Io } from '../verbs.ts'
import { aclHelp } from './help.ts'
import { answerLines, clientLines } from './lines.ts'
import { type Answers, askBroker, brokerOptions, namesBroker } from './live.ts'
import { type ClientQuestion, readQuestion } from './question.ts'
import { junitReport, type Outcome, tapReport } from './report.ts'
import { openRules, type RuleValues, ruleOptions } from './sources.ts'
import { parseTable, readTable } from './table.ts'

/** `castellan acl ACTION …`. @returns the exit code */
export function acl(args: readonly string[], io: Io): Promise<number> {
  return runAction('acl', aclHelp.page, actions, args, io)
}

const actions: ReadonlyMap<string, Action> = new Map([
  ['check', action('check', check)],
  ['test', action('test', test)],
])

/** What was asked for and answered with no: a denial, or an expectation that does not hold. */
const no = 1

/** Whatever goes wrong must not look like a denial. */
function action(name: 'check' | 'test', run: Action['run']): Action {
  const help = aclHelp[name]
  return {
    help,
    async run(args, io) {
      try {
        return await run(args, io)
      } catch (error) {
        const code = complain(`castellan acl ${name}`, error, io, help)
        return code === exitCode.interrupted ? code : exitCode.usage
      }
    },
  }
}

const circumstanceOptions = {
  'as-cert': { type: 'string' },
  ip: { type: 'string' },
  qos: { type: 'string' },
} as const

const checkOptions = {
  ...ruleOptions,
  ...circumstanceOptions,
  ...brokerOptions,
  id: { type: 'string' },
  will: { type: 'boolean' },
  retain: { type: 'boolean' },
  output: { type: 'string', short: 'o' },
} as const

async function check(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parse(args, checkOptions)
  const [client, action, topic] = operands(positionals, ['CLIENT', 'ACTION', 'TOPIC'])
  const asJson = wantsJson(values.output)
  const asked = readQuestion({ ...values, certificate: values['as-cert'], client, action, topic })
  const { client: who, answers } = namesBroker(values)
    ? await askBroker(values, asked, io)
    : await askFiles(values, asked, io)
  if (asJson) {
    io.stdout.write(`${safeJson({ version: 1, client: who, answers }, 2)}\n`)
  } else {
    const lines = [...answers.flatMap(answer => answerLines(answer, answers.length > 1)), ...clientLines(who)]
    io.stdout.write(`${lines.join('\n')}\n`)
  }
  return answers.every(isAllowed) ? exitCode.ok : no
}

async function askFiles(values: RuleValues, asked: ClientQuestion, io: Io): Promise<Answers> {
  const { username, clientId } = asked
  const ask = await openRules(values, io)
  return { client: { username, clientid: clientId }, answers: ask(asked) }
}

const testOptions = { ...ruleOptions, ...circumstanceOptions, format: { type: 'string' } } as const

async function test(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parse(args, testOptions)
  const [file] = operands(positionals, ['FILE'])
  const report = reportOf(values.format ?? 'tap')
  const { 'as-cert': certificate, ip, qos } = values
  const rows = parseTable(readTable(file), file, { certificate, ip, qos })
  const ask = await openRules(values, io)
  const outcomes = rows.map((row): Outcome => {
    const answers = ask(row)
    return { row, answers, holds: answers.every(answer => isAllowed(answer) === row.allows) }
  })
  io.stdout.write(report(outcomes, file))
  return outcomes.every(({ holds }) => holds) ? exitCode.ok : no
}

function isAllowed(answer: JsonObject): boolean {
  return booleanOf(answer, 'allowed', false)
}

function reportOf(word: string): typeof junitReport {
  if (word === 'tap') return tapReport
  if (word === 'junit') return junitReport
  throw new UsageError(`--format '${escapeText(word, 40)}' is none of tap, junit`)
}
