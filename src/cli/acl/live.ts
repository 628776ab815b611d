// `castellan acl check` of a running broker: one `explainAccess` on `$CONTROL/broker/v1`.

import { AppError } from '../../base/errors.ts'
import { type JsonObject, objectOf, objectsOf, textOf } from '../../dynsec/json.ts'
import { brokerModule } from '../ctl/broker.ts'
import { CommandRefused } from '../ctl/error.ts'
import { ask } from '../ctl/exchange.ts'
import { loginOf } from '../ctl/login.ts'
import type { CtlOptions } from '../ctl/options.ts'
import { HiddenInput, Prompts } from '../ctl/prompts.ts'
import type { Io } from '../verbs.ts'
import type { ClientQuestion } from './question.ts'

/** Those of `castellan ctl` that say where the broker is and who asks; short ones where they mean the same. */
export const brokerOptions = {
  url: { type: 'string', short: 'L' },
  host: { type: 'string' },
  port: { type: 'string', short: 'p' },
  unix: { type: 'string' },
  username: { type: 'string', short: 'u' },
  'password-file': { type: 'string' },
  'password-env': { type: 'string' },
  cafile: { type: 'string' },
  capath: { type: 'string' },
  cert: { type: 'string' },
  key: { type: 'string' },
  insecure: { type: 'boolean' },
  'tls-use-os-certs': { type: 'boolean' },
} as const

type BrokerValues = {
  readonly [K in keyof typeof brokerOptions]?:
    | ((typeof brokerOptions)[K]['type'] extends 'string' ? string : boolean)
    | undefined
}

/** Whether a broker is to be asked, and no file. */
export function namesBroker({ url, host, port, unix }: BrokerValues): boolean {
  return [url, host, port, unix].some(place => place !== undefined)
}

/** Who was asked about, and an answer for each set of rules that listeners have. */
export interface Answers {
  readonly client: JsonObject
  readonly answers: readonly JsonObject[]
}

/**
 * @returns for a client that is connected the answer of its own listener
 * @throws AppError of the connection, or with the broker's own words
 */
export async function askBroker(
  values: BrokerValues,
  { username, clientId, question, circumstances }: ClientQuestion,
  io: Io,
): Promise<Answers> {
  const input = new HiddenInput(io)
  try {
    const login = await loginOf(loginOptions(values), io.env, new Prompts(input))
    const { action, topic, isWill, isRetained } = question
    const { certificate, address, qos } = circumstances
    const command = {
      command: 'explainAccess',
      username,
      clientid: clientId,
      action,
      topic,
      will: isWill,
      retain: isRetained,
      certificate: certificate?.toString(),
      address,
      qos,
    }
    const response = await ask(login, brokerModule.topic, command)
    const error = textOf(response, 'error')
    if (error !== undefined) throw new CommandRefused(brokerModule.topic, command.command, error)
    const data = objectOf(response, 'data')
    const answers = objectsOf(data, 'answers')
    if (answers.length > 0) return { client: objectOf(data, 'client'), answers }
    throw new AppError('ERR_CLI_ACL', 'the broker answered, and explained nothing')
  } finally {
    await input.close()
  }
}

function loginOptions(values: BrokerValues): CtlOptions {
  const { url, host, port, unix, username, cafile, capath, cert, key } = values
  const given = Object.entries({
    ...{ url, host, port, unix, username, cafile, capath, cert, key },
    passwordFile: values['password-file'],
    passwordEnv: values['password-env'],
    insecure: values.insecure,
    osCertificates: values['tls-use-os-certs'],
  })
  return Object.fromEntries(given.filter(([, value]) => value !== undefined))
}
