// The two pages of `castellan passwd`: four lines after a mistake, and all of it for `--help`; under the name it was called by.

import { hashDefaults } from '../../auth/password-hash.ts'

export function passwdUsage(calledAs: string): string {
  const blanks = ' '.repeat('Usage: '.length)
  return `Usage: ${calledAs} [-c] [OPTIONS] FILE USER
${blanks}${calledAs} -D FILE USER
${blanks}${calledAs} -U [OPTIONS] FILE
${calledAs} --help tells more.`
}

export function passwdHelp(calledAs: string): string {
  const codes = calledAs === 'mosquitto_passwd' ? mosquittoCodes : ownCodes
  return `Keeps the password file of a broker: the one that password_file in mosquitto.conf names.

Usage: ${calledAs} [OPTIONS] FILE USER        set a user's password; asks for it twice
       ${calledAs} -c [OPTIONS] FILE USER     the same in a new FILE; one that is there is overwritten
       ${calledAs} -D FILE USER               remove a user
       ${calledAs} -U [OPTIONS] FILE          hash all plain passwords of a FILE of lines user:password
FILE may be - with -c: the line is printed instead. A FILE that is a symbolic link is refused, unless
MOSQUITTO_UNSAFE_ALLOW_SYMLINKS is set in the environment.

Where the password comes from, if nobody is to be asked
  --password-stdin       standard input
  --password-file FILE   another file
  --password-env NAME    an environment variable
  -b FILE USER PASSWORD  the command line, where other users of this machine can see it

How it is stored
  -H argon2id            slow to guess, on purpose; the default. Mosquitto reads it from 2.1 on
  -H sha512-pbkdf2       for Mosquitto 2.0 too
  -H scram-sha-256       also lets MQTT 5 clients log in without sending the password; Mosquitto cannot read it
  -H sha512              quick to guess; only for Mosquitto 1.6
  -I COUNT               iterations of sha512-pbkdf2 (default ${hashDefaults.pbkdf2Iterations}) or scram-sha-256 (default ${hashDefaults.scramIterations})

Examples
  ${calledAs} -c users.pw alice
  openssl rand -base64 24 | tee device.secret | ${calledAs} --password-stdin users.pw device7
  ${calledAs} -H sha512-pbkdf2 -U users.txt

A running broker takes up the change when it is told to reload (SIGHUP); whoever was removed or has a new password is
disconnected then. Exit codes: ${codes}, 130 interrupted.
`
}

const ownCodes = '0 done, 1 not done, 2 wrong usage'
const mosquittoCodes = '0 done, 1 not done, 2 the two passwords differ'
