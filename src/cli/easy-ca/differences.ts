// What the old names do differently here, on purpose: listed by `compat diff`, and for scripts printed when it applies.

import type { Io } from '../verbs.ts'

export interface Difference {
  readonly code: string
  readonly tools: readonly string[]
  readonly text: string
}

const makers = ['create-root-ca', 'create-signing-ca']
const servers = ['create-server', 'create-ssl']
const clients = ['create-client', 'create-client-o']
const messageClients = ['mosquitto_pub', 'mosquitto_sub', 'mosquitto_rr']
const generators = ['generate-CA.sh', 'gen_CA.sh']

export const differences = {
  encryptedKey: {
    code: 'X001',
    tools: [...makers, ...generators],
    text: "the authority's key is really encrypted with the passphrase; before, it was ignored or never asked for",
  },
  crlLife: {
    code: 'X002',
    tools: [...makers, 'revoke-cert'],
    text: 'the revocation list lives seven days, not one; sign it again before it ends, or let castellan do it',
  },
  onePurpose: {
    code: 'X003',
    tools: servers,
    text: 'a server certificate is for servers alone: its key cannot log in as a client; --easyca-eku makes it as before',
  },
  addresses: {
    code: 'X004',
    tools: servers,
    text: 'an IP address after -a becomes one; as a host name, as before, no client would accept it',
  },
  fileName: {
    code: 'X005',
    tools: ['create-client'],
    text: '-n may be left out: files are then named by -c',
  },
  passphrase: {
    code: 'X006',
    tools: ['create-client'],
    text: 'the passphrase of the authority is asked for first; before, its key was not protected',
  },
  serialNumbers: {
    code: 'X007',
    tools: [...servers, ...clients, ...generators],
    text: 'serial numbers are random, and cannot be guessed',
  },
  lifetimes: {
    code: 'X008',
    tools: generators,
    text: 'the authority lives ten years, a client certificate two; before, both ended in 2032 at the latest',
  },
  ownAddresses: {
    code: 'X009',
    tools: generators,
    text: 'a server certificate has the names that were asked for and this machine; its addresses are added through IPLIST',
  },
  clientPurpose: {
    code: 'X010',
    tools: generators,
    text: 'a client certificate is for logging in alone, not for email',
  },
  plainKey: {
    code: 'X011',
    tools: [...servers, ...clients, 'revoke-cert', 'create-signing-ca'],
    text: "this authority's key is not encrypted; castellan ca import takes it over and encrypts it",
  },
  refusedCommand: {
    code: 'X012',
    tools: ['mosquitto_ctrl'],
    text: 'a command that the broker refuses ends with 1; before, with 0 and the error on standard error alone',
  },
  promptsApart: {
    code: 'X013',
    tools: ['mosquitto_ctrl'],
    text: 'prompts are on standard error, so that standard output has the answer alone',
  },
  wrongNumbers: {
    code: 'X014',
    tools: ['mosquitto_ctrl'],
    text: 'a count, offset or priority that is no number is refused, and not taken for 0',
  },
  defaultAccess: {
    code: 'X015',
    tools: ['mosquitto_ctrl'],
    text: 'setDefaultACLAccess changes the access; in 2.0 it is sent in a form that brokers pass over',
  },
  initialFile: {
    code: 'X016',
    tools: ['mosquitto_ctrl'],
    text: 'dynsec init makes a file that its owner alone can read, with 210000 rounds for the password',
  },
  optionsNotThere: {
    code: 'X017',
    tools: ['mosquitto_ctrl'],
    text: '--proxy, --keyform and --tls-engine are refused; --psk goes with TLS 1.2 alone; there are no external modules',
  },
  jsonOption: {
    code: 'X018',
    tools: ['mosquitto_ctrl'],
    text: '-o json prints the response as JSON; an options file of that name is -o ./json',
  },
  shellLines: {
    code: 'X019',
    tools: ['mosquitto_ctrl'],
    text: 'the shell prints what the command line prints, without colours, takes quotes, and does not keep lines with passwords',
  },
  ownBrokers: {
    code: 'X020',
    tools: ['mosquitto_signal'],
    text: "-a tells the brokers of one's own account, castellan's too; only root's tells everybody's",
  },
  noReport: {
    code: 'X021',
    tools: ['mosquitto_signal'],
    text: 'xtreport is refused; a process id with something behind its digits is, too',
  },
  tameTerminal: {
    code: 'X030',
    tools: ['mosquitto_sub', 'mosquitto_rr'],
    text: 'on a terminal control characters of messages are shown by their numbers; --unsafe-terminal lets them through',
  },
  tlsWithoutAuthority: {
    code: 'X031',
    tools: messageClients,
    text: 'TLS options without --cafile, --capath or --tls-use-os-certs are refused; before, all went in clear',
  },
  clientNumbers: {
    code: 'X032',
    tools: messageClients,
    text: 'a number that is none is refused, and not taken for 0; an options file that was named has to be there',
  },
  nothingPublished: {
    code: 'X033',
    tools: ['mosquitto_pub', 'mosquitto_rr'],
    text: 'a message that this broker does not take ends with 1; before, with 0 and the error on standard error alone',
  },
  politeRequests: {
    code: 'X034',
    tools: ['mosquitto_rr'],
    text: 'says DISCONNECT at its end, so that no will is published; -f, -s and -R do what they say',
  },
  clientOptionsNotThere: {
    code: 'X035',
    tools: messageClients,
    text: '--tls-engine, --keyform engine and --mptcp are refused, --nodelay changes nothing; --psk goes with TLS 1.2 alone',
  },
  helpOfClients: {
    code: 'X036',
    tools: messageClients,
    text: 'the text of --help is our own; when topic or message are missing, the page is not printed on standard output',
  },
  earlyTimeout: {
    code: 'X038',
    tools: ['mosquitto_sub'],
    text: '-W ends with 27 where the broker has not answered CONNECT, too; before, with 255',
  },
  randomFilter: {
    code: 'X037',
    tools: ['mosquitto_sub'],
    text: '--random-filter prints the percentage that it says; 2.0 prints a tenth of it',
  },
} as const satisfies Record<string, Difference>

/** Tells of those that matter for this call, on standard error. */
export function printDifferences(io: Io, names: readonly (keyof typeof differences)[]): void {
  for (const name of names) io.stderr.write(`note ${differences[name].code}: ${differences[name].text}\n`)
}

/** A line for each difference of a tool; empty for one without. */
export function differencesOf(tool: string): string {
  return Object.values<Difference>(differences)
    .filter(({ tools }) => tools.includes(tool))
    .map(({ code, text }) => `${code}  ${text}\n`)
    .join('')
}
