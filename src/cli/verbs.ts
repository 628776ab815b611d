// The table of verbs: what `castellan --help` lists and what is loaded when a verb is called. Nothing of a verb is loaded
// before it is called, so that none pays for another at start-up.

/** The part of the process that a command may touch; tests hand in another. */
export type Io = Pick<NodeJS.Process, 'stdin' | 'stdout' | 'stderr' | 'env'>

/** @returns the exit code */
export type Command = (args: readonly string[], io: Io) => Promise<number>

export interface Verb {
  readonly name: string
  readonly group:
    | 'Be a client'
    | 'Start a broker'
    | 'Look after it'
    | 'Certificates'
    | 'Move from Mosquitto'
    | 'This program'
  readonly summary: string
  /** Words that can stand behind it, each with a help page of its own or a line in the verb's. */
  readonly actions?: readonly string[]
  /** What shows an action's page; `--help` unless given. */
  readonly helpWord?: 'help'
  /** Whether an argument may be a password: then no argument is ever quoted in a message. */
  readonly takesSecrets?: true
  load(): Promise<Command>
}

export const verbs: readonly Verb[] = [
  {
    name: 'up',
    group: 'Start a broker',
    summary: 'a secure broker from nothing: certificates, rules, listeners, and two lines to paste',
    load: async () => {
      const [{ up }, { startBroker }] = await Promise.all([import('./up/up.ts'), import('./run.ts')])
      return (args, io) => up(args, io, options => startBroker(options, io))
    },
  },
  {
    name: 'run',
    group: 'Start a broker',
    summary: 'a broker in the foreground, as a mosquitto.conf says',
    load: async () => (await import('./run.ts')).run,
  },
  {
    name: 'passwd',
    group: 'Look after it',
    summary: 'add, change and remove the users of a password file',
    takesSecrets: true,
    load: async () => (await import('./passwd/passwd.ts')).passwd,
  },
  {
    name: 'ctl',
    group: 'Look after it',
    summary: 'users, roles and connections of a running broker, as mosquitto_ctrl',
    actions: ['broker', 'dynsec'],
    helpWord: 'help',
    takesSecrets: true,
    load: async () => (await import('./ctl/ctl.ts')).ctl,
  },
  {
    name: 'signal',
    group: 'Look after it',
    summary: 'tell running brokers to reload, to open their log files anew, or to stop; Mosquitto too',
    actions: ['config-reload', 'log-rotate', 'shutdown', 'tree-print'],
    load: async () => (await import('./signal.ts')).signal,
  },
  {
    name: 'acl',
    group: 'Look after it',
    summary: 'who may do what by the rules, and which rule says so; tables of it for CI',
    actions: ['check', 'test'],
    load: async () => (await import('./acl/acl.ts')).acl,
  },
  {
    name: 'doctor',
    group: 'Look after it',
    summary: 'what is wrong with a mosquitto.conf and all that it names, or what a broker shows to strangers',
    load: async () => (await import('./doctor/doctor.ts')).doctor,
  },
  {
    name: 'audit',
    group: 'Look after it',
    summary: 'who did what, when and from where: the last records, a search, whether all is as it was written',
    actions: ['tail', 'search', 'export', 'verify'],
    load: async () => (await import('./audit/audit.ts')).audit,
  },
  {
    name: 'store',
    group: 'Look after it',
    summary: 'check, back up, export, import and compact the store, also from what Mosquitto left',
    actions: ['check', 'export', 'import', 'backup', 'compact'],
    load: async () => (await import('./store.ts')).store,
  },
  {
    name: 'ca',
    group: 'Certificates',
    summary: 'make an authority of your own, sign its revocation lists, take over an old one',
    actions: 'init show list lock unlock rotate sign-issuing export publish-crl serve backup restore import'.split(' '),
    load: async () => (await import('./ca/ca.ts')).ca,
  },
  {
    name: 'cert',
    group: 'Certificates',
    summary: 'issue, renew, revoke and list certificates, one or ten thousand',
    actions: 'issue sign renew bundle verify bulk list expiring show revoke hold unhold inspect lint'.split(' '),
    load: async () => (await import('./cert/cert.ts')).cert,
  },
  {
    name: 'crl',
    group: 'Certificates',
    summary: 'say what a revocation list holds and when it ends, or fetch one',
    actions: ['show', 'fetch'],
    load: async () => (await import('./crl.ts')).crl,
  },
  {
    name: 'compat',
    group: 'Move from Mosquitto',
    summary: "this program under Mosquitto's names; `compat install` makes the links",
    actions: ['install', 'diff'],
    // `compat mosquitto_passwd -b FILE USER PASSWORD`
    takesSecrets: true,
    load: async () => (await import('./compat.ts')).compat,
  },
  {
    name: 'pub',
    group: 'Be a client',
    summary: 'publish messages, as mosquitto_pub',
    takesSecrets: true,
    load: async () => (await import('./client/pub.ts')).pub,
  },
  {
    name: 'sub',
    group: 'Be a client',
    summary: 'subscribe, and print what arrives, as mosquitto_sub',
    takesSecrets: true,
    load: async () => (await import('./client/sub.ts')).sub,
  },
  {
    name: 'rr',
    group: 'Be a client',
    summary: 'publish a request, and print the response, as mosquitto_rr',
    takesSecrets: true,
    load: async () => (await import('./client/rr.ts')).rr,
  },
  {
    name: 'tap',
    group: 'Be a client',
    summary: 'what comes through a broker, live: a tree of topics, or lines',
    takesSecrets: true,
    load: async () => (await import('./tap/tap.ts')).tap,
  },
  {
    name: 'bench',
    group: 'Be a client',
    summary: 'load for a broker: throughput, latency, what is lost',
    takesSecrets: true,
    load: async () => (await import('./bench/bench.ts')).bench,
  },
  {
    name: 'completion',
    group: 'This program',
    summary: 'what your shell offers behind Tab: a script for bash, zsh or fish',
    actions: ['bash', 'zsh', 'fish'],
    load: async () => (await import('./manual/completion.ts')).completion,
  },
  {
    name: 'man',
    group: 'This program',
    summary: 'manual pages, made from the help of each verb',
    load: async () => (await import('./manual/man.ts')).man,
  },
]
