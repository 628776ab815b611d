// What a broker that starts takes from its environment, as Mosquitto and its container do.

import { AppError } from '../base/errors.ts'
import { escapeText } from '../base/escape.ts'

export interface Environment {
  /** Goes before the option `persistence_location`. */
  readonly persistenceLocation: string | undefined
  /** The mode bits that new files do not get. */
  readonly umask: number | undefined
  /** Whom a broker that was started as root becomes, instead of `user`. */
  readonly uid: number | undefined
  readonly gid: number | undefined
}

/**
 * `MOSQUITTO_PERSISTENCE_LOCATION`, `UMASK_SET` (octal), `PUID` and `PGID`; what is empty is as good as absent.
 *
 * @throws AppError for a value that is none
 */
export function readEnvironment(env: NodeJS.ProcessEnv): Environment {
  const { MOSQUITTO_PERSISTENCE_LOCATION: location = '', UMASK_SET, PUID, PGID } = env
  return {
    persistenceLocation: location === '' ? undefined : location,
    umask: read('UMASK_SET', UMASK_SET, /^0?[0-7]{1,3}$/, 8, 'an octal number up to 777'),
    uid: read('PUID', PUID, /^[0-9]{1,9}$/, 10, 'the number of a user'),
    gid: read('PGID', PGID, /^[0-9]{1,9}$/, 10, 'the number of a group'),
  }
}

function read(name: string, text = '', form: RegExp, base: number, wanted: string): number | undefined {
  if (text === '') return undefined
  if (form.test(text)) return Number.parseInt(text, base)
  throw new AppError('ERR_SERVER_ENVIRONMENT', `Error: Invalid ${name} '${escapeText(text)}'; it is ${wanted}.`)
}
