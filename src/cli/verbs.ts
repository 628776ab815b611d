// The table of verbs: what `castellan --help` lists and what is loaded when a verb is called. Nothing of a verb is loaded
// before it is called, so that none pays for another at start-up.

/** The part of the process that a command may touch; tests hand in another. */
export type Io = Pick<NodeJS.Process, 'stdin' | 'stdout' | 'stderr' | 'env'>

/** @returns the exit code */
export type Command = (args: readonly string[], io: Io) => Promise<number>

export interface Verb {
  readonly name: string
  readonly group: 'Start a broker' | 'Look after it' | 'Certificates' | 'Move from Mosquitto'
  readonly summary: string
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
      const [{ up }, { startBroker }] = await Promise.all([import('./up.ts'), import('./run.ts')])
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
    load: async () => (await import('./passwd.ts')).passwd,
  },
  {
    name: 'ctl',
    group: 'Look after it',
    summary: 'users, roles and connections of a running broker, as mosquitto_ctrl',
    takesSecrets: true,
    load: async () => (await import('./ctl.ts')).ctl,
  },
  {
    name: 'acl',
    group: 'Look after it',
    summary: 'who may do what by the rules, and which rule says so; tables of it for CI',
    load: async () => (await import('./acl.ts')).acl,
  },
  {
    name: 'audit',
    group: 'Look after it',
    summary: 'who did what, when and from where: the last records, a search, whether all is as it was written',
    load: async () => (await import('./audit.ts')).audit,
  },
  {
    name: 'store',
    group: 'Look after it',
    summary: 'check, back up, export, import and compact the store, also from what Mosquitto left',
    load: async () => (await import('./store.ts')).store,
  },
  {
    name: 'ca',
    group: 'Certificates',
    summary: 'make an authority of your own, sign its revocation lists, take over an old one',
    load: async () => (await import('./ca.ts')).ca,
  },
  {
    name: 'cert',
    group: 'Certificates',
    summary: 'issue, renew, revoke and list certificates, one or ten thousand',
    load: async () => (await import('./cert.ts')).cert,
  },
  {
    name: 'crl',
    group: 'Certificates',
    summary: 'say what a revocation list holds and when it ends, or fetch one',
    load: async () => (await import('./crl.ts')).crl,
  },
  {
    name: 'compat',
    group: 'Move from Mosquitto',
    summary: "this program under Mosquitto's names; `compat install` makes the links",
    // `compat mosquitto_passwd -b FILE USER PASSWORD`
    takesSecrets: true,
    load: async () => (await import('./compat.ts')).compat,
  },
]
