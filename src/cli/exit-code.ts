// What this program's verbs say to a shell: a contract, the same for every verb. Under an old name (`mosquitto_passwd`, …)
// a tool keeps that tool's own codes.

export const exitCode = {
  ok: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  denied: 4,
  conflict: 5,
  unreachable: 6,
  invalid: 7,
  partial: 8,
  interrupted: 130,
} as const

/** The broker's own codes, as Mosquitto's: supervisors and scripts test for them. */
export const brokerExitCode = {
  stopped: 0,
  /** A TLS file is unusable, or a port cannot be bound. */
  cannotStart: 1,
  /** A command line or a configuration file with a mistake in it. */
  badConfiguration: 3,
} as const
