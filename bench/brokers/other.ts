// A broker that we know by its command line only.

import type { PeerCommand } from '../arguments.ts'
import type { Broker } from './broker.ts'

/** The command goes to a shell, which it replaces: quotes, variables and redirections work. */
export function other({ name, command }: PeerCommand): Broker {
  return {
    name,
    version: undefined,
    absent: undefined,
    command: ({ port, conf }) => {
      const filled = command.replaceAll('{port}', String(port)).replaceAll('{conf}', conf)
      return ['/bin/sh', '-c', `exec ${filled}`]
    },
    unable: ({ needs }) => (needs === 'persistence' ? 'nobody has told how it is made to keep sessions' : undefined),
  }
}
