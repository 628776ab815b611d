// `castellan pub --help`, and that of `sub` and `rr`: what can be said, in groups. A test holds it to the table of options.

import type { Tool } from './options.ts'
import type { ClientName } from './tool.ts'

interface Line {
  readonly options: string
  readonly text: string
  readonly tools?: readonly Tool[]
}

interface Group {
  readonly title: string
  readonly lines: readonly Line[]
}

const receivers: readonly Tool[] = ['sub', 'rr']
const senders: readonly Tool[] = ['pub', 'rr']

const groups: readonly Group[] = [
  {
    title: 'The broker',
    lines: [
      { options: '-h, --host HOST', text: 'its name or address; localhost without it' },
      { options: '-p, --port PORT', text: 'its port: 1883 without it, with TLS 8883' },
      { options: '-L, --url URL', text: 'mqtt(s):// or ws(s)://[USER[:PASSWORD]@]HOST[:PORT]/TOPIC' },
      { options: '--unix PATH', text: 'its socket on this machine' },
      { options: '-S', text: 'look the host up as a domain with a broker (SRV in DNS)' },
      { options: '--ws', text: 'over WebSockets' },
      { options: '--proxy URL', text: 'through a proxy: socks5h://[USER[:PASSWORD]@]HOST[:PORT]' },
      { options: '-A ADDRESS', text: "connect from this machine's ADDRESS" },
      { options: '--nodelay', text: 'changes nothing: what is sent leaves at once' },
    ],
  },
  {
    title: 'The messages',
    lines: [
      { options: '-t, --topic TOPIC', text: 'publish on it', tools: ['pub'] },
      { options: '-t, --topic TOPIC', text: 'subscribe to it; may be repeated', tools: ['sub'] },
      { options: '-t, --topic TOPIC', text: 'where the request goes', tools: ['rr'] },
      { options: '-e TOPIC', text: 'where the response is expected', tools: ['rr'] },
      { options: '-m, --message TEXT', text: 'publish TEXT', tools: senders },
      { options: '-f, --file FILE', text: 'publish what FILE holds', tools: senders },
      { options: '-s, --stdin-file', text: 'publish standard input as one message', tools: senders },
      { options: '-l, --stdin-line', text: 'publish each line of standard input', tools: ['pub'] },
      { options: '-n, --null-message', text: 'publish an empty message', tools: senders },
      { options: '-r, --retain', text: 'have the broker keep it for later subscribers', tools: ['pub'] },
      { options: '--repeat N', text: 'publish it N times', tools: ['pub'] },
      { options: '--repeat-delay SECONDS', text: 'wait in between', tools: ['pub'] },
      { options: '-q, --qos 0|1|2', text: 'quality of service; 0 without it' },
      { options: '-M NUMBER', text: 'messages of QoS 1 and 2 on their way at a time; 20 without it' },
      { options: '-U, --unsubscribe TOPIC', text: 'unsubscribe from it; may be repeated', tools: ['sub'] },
      { options: '-T, --filter-out TOPIC', text: 'print nothing of it; may be repeated', tools: ['sub'] },
      { options: '-R', text: 'print nothing that was retained', tools: receivers },
      { options: '--retained-only', text: 'print what was retained, and end', tools: ['sub'] },
      { options: '--remove-retained', text: 'have the broker forget what was retained', tools: ['sub'] },
      { options: '--retain-as-published', text: 'MQTT 5: keep the flag that the publisher gave', tools: receivers },
      {
        options: '--retain-handling always|new|never',
        text: 'MQTT 5: when retained messages are sent',
        tools: receivers,
      },
      { options: '--random-filter PERCENT', text: 'print only so many of them', tools: ['sub'] },
    ],
  },
  {
    title: 'What is printed',
    lines: [
      { options: '-v, --verbose', text: 'the topic, too', tools: receivers },
      { options: '-F FORMAT', text: 'in a format, see docs/command-line-clients.md', tools: receivers },
      { options: '--pretty', text: 'JSON (%j, %J) over several lines', tools: receivers },
      { options: '-N', text: 'no line end', tools: receivers },
      { options: '-w, --watch', text: 'each topic on a line of its own', tools: ['sub'] },
      {
        options: '--unsafe-terminal',
        text: 'control characters, too: messages may steer your terminal',
        tools: receivers,
      },
      { options: '--latency', text: 'the time that the response took', tools: ['rr'] },
      { options: '-d, --debug', text: 'every packet that is sent and received' },
      { options: '--quiet', text: 'no errors' },
    ],
  },
  {
    title: 'When it ends',
    lines: [
      { options: '-C COUNT', text: 'after so many messages', tools: ['sub'] },
      { options: '-E', text: 'when the broker has taken the subscriptions', tools: ['sub'] },
      { options: '-W SECONDS', text: 'after this time at the latest', tools: receivers },
    ],
  },
  {
    title: 'The session',
    lines: [
      { options: '-V, --protocol-version 31|311|5', text: 'of MQTT; 311 without it', tools: ['pub', 'sub'] },
      { options: '-V, --protocol-version 31|311|5', text: 'of MQTT; 5 without it', tools: ['rr'] },
      { options: '-i, --id ID', text: 'the client id' },
      { options: '-I, --id-prefix PREFIX', text: 'the client id: PREFIX and the number of this process' },
      { options: '-c, --disable-clean-session', text: 'keep the session; needs -i' },
      { options: '-x SECONDS', text: 'MQTT 5: keep the session so long; -1 or ∞ for ever' },
      { options: '-k, --keepalive SECONDS', text: 'between signs of life; 60 without it' },
      { options: '--will-topic TOPIC', text: 'where the broker tells that we are lost' },
      { options: '--will-payload TEXT', text: 'what it tells' },
      { options: '--will-qos 0|1|2', text: 'with which quality of service' },
      { options: '--will-retain', text: 'and keeps for later subscribers' },
      { options: '-D, --property …', text: 'MQTT 5: PACKET NAME VALUE, or PACKET user-property NAME VALUE' },
    ],
  },
  {
    title: 'Who we are',
    lines: [
      { options: '-u, --username NAME', text: 'log in as NAME' },
      { options: '--password-file FILE', text: 'with the password in FILE' },
      { options: '--password-env NAME', text: 'with the password in a variable of the environment' },
      { options: '--password-stdin', text: 'with the password from standard input, or asked for' },
      { options: '-P, --pw PASSWORD', text: 'with this one: everybody on this machine can see it' },
      { options: '-o FILE', text: 'options from FILE, one a line' },
    ],
  },
  {
    title: 'TLS',
    lines: [
      { options: '--cafile FILE', text: 'authorities that are trusted' },
      { options: '--capath DIRECTORY', text: 'the same, in files' },
      { options: '--tls-use-os-certs', text: "this machine's authorities" },
      { options: '--cert FILE --key FILE', text: 'our certificate, and its key' },
      { options: '--keyform pem', text: 'its form: there is one' },
      { options: '--insecure', text: 'take the certificate of any name: anybody may be in between' },
      { options: '--psk HEX', text: 'a shared key in the place of certificates' },
      { options: '--psk-identity NAME', text: 'its name' },
      { options: '--tls-version tlsv1.2|tlsv1.3', text: 'this version alone' },
      { options: '--ciphers LIST', text: 'as OpenSSL names them' },
      { options: '--tls-alpn PROTOCOL', text: 'ask for PROTOCOL (ALPN)' },
      { options: '--tls-keylog FILE', text: 'write the secrets of the connection there' },
      { options: '--no-tls', text: 'no TLS, whatever else is said' },
    ],
  },
]

const summaries: Readonly<Record<Tool, string>> = {
  pub: 'publishes messages, and ends when the broker has them.',
  sub: 'subscribes, and prints the messages that arrive.',
  rr: 'publishes a request, and prints the response.',
}

const examples: Readonly<Record<Tool, readonly string[]>> = {
  pub: [
    '-t sensors/kitchen -m 21.5 -q 1',
    '-L mqtts://broker.example/sensors/kitchen -m 21.5',
    '-t log -l < journal.txt',
  ],
  sub: ["-t 'sensors/#' -v", "-t 'sensors/#' -C 10 -W 60 -F '%I %t %p'", "-t '$SYS/#' -W 5 -F %j"],
  rr: ['-t lamp/get -e lamp/answer -m status -W 5'],
}

/** The page, ending in a newline. */
export function clientHelp({ tool, shown, isOld }: ClientName): string {
  const known = groups.map(({ title, lines }) => {
    return { title, lines: lines.filter(({ tools }) => tools === undefined || tools.includes(tool)) }
  })
  const width = Math.max(...known.flatMap(({ lines }) => lines.map(({ options }) => options.length)))
  const pages = known.flatMap(({ title, lines }) => {
    return lines.length === 0
      ? []
      : ['', `${title}:`, ...lines.map(each => `  ${each.options.padEnd(width)}  ${each.text}`)]
  })
  const codes = isOld
    ? 'Exit codes: 0 done, 1 failed, the code of a CONNACK that says no, 7 lost, 8 TLS, 27 out of time; after this page, 1.'
    : 'Exit codes: 0 done, 1 failed, 2 wrong usage, 4 refused by the broker, 6 not reachable, lost, or out of time.'
  return `${[
    `${shown} ${summaries[tool]}`,
    '',
    `Usage: ${shown} [OPTIONS]`,
    ...pages,
    '',
    'Examples:',
    ...examples[tool].map(line => `  ${shown} ${line}`),
    '',
    codes,
  ].join('\n')}\n`
}
