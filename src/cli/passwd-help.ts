// The two pages of `castellan passwd`: three lines after a mistake, and all of it for `--help`.

import { hashDefaults } from '../auth/password-hash.ts'

export const passwdUsage = `Usage: castellan passwd [-c] [OPTIONS] FILE USER
       castellan passwd -D FILE USER
       castellan passwd -U [OPTIONS] FILE
castellan passwd --help tells more.`

export const passwdHelp = `Keeps the password file of a broker: the one that password_file in mosquitto.conf names.

Usage: castellan passwd [OPTIONS] FILE USER        set a user's password; asks for it twice
       castellan passwd -c [OPTIONS] FILE USER     the same in a new FILE; one that is there is overwritten
       castellan passwd -D FILE USER               remove a user
       castellan passwd -U [OPTIONS] FILE          hash all plain passwords of a FILE of lines user:password
FILE may be - with -c: the line is printed instead.

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
  castellan passwd -c users.pw alice
  openssl rand -base64 24 | tee device.secret | castellan passwd --password-stdin users.pw device7
  castellan passwd -H sha512-pbkdf2 -U users.txt

A running broker takes up the change when it is told to reload (SIGHUP); whoever was removed or has a new password is
disconnected then. Exit codes: 0 done, 1 not done, 2 the two passwords differ, 130 interrupted.
`
