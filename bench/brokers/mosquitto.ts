// Debian's Mosquitto, installed first where that can be done.

import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { installDebianPackages, mosquittoPackage } from '../../scripts/debian-packages.ts'
import { ableToAll, type Broker } from './broker.ts'

export function mosquitto(): Broker {
  const absent = onPath() === undefined ? installDebianPackages([mosquittoPackage]) : undefined
  const program = onPath() ?? mosquittoPackage.file
  return {
    name: 'mosquitto',
    version: absent === undefined ? versionOf(program) : undefined,
    absent,
    command: ({ conf }) => [program, '-c', conf],
    unable: ableToAll,
  }
}

/** Debian's place is on root's PATH only. */
function onPath(): string | undefined {
  const directories = (process.env['PATH'] ?? '').split(delimiter).filter(directory => directory !== '')
  return [...directories.map(directory => join(directory, 'mosquitto')), mosquittoPackage.file].find(existsSync)
}

/** The first line of its help; 2.0 has no option for it, and exits with 3. */
function versionOf(program: string): string | undefined {
  const { stdout } = spawnSync(program, ['-h'], { encoding: 'utf8' })
  return /^mosquitto version (\S+)/m.exec(stdout ?? '')?.[1]
}
