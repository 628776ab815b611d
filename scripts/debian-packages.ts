// Installs the programs of others that the tests and benchmarks compare us with.

import { spawnSync } from 'node:child_process'
import { existsSync, rmSync, writeFileSync } from 'node:fs'

/** A Debian package, and a file by which it is known to be there. */
export interface DebianPackage {
  readonly name: string
  readonly file: string
}

export const mosquittoPackage: DebianPackage = { name: 'mosquitto', file: '/usr/sbin/mosquitto' }

const policy = '/usr/sbin/policy-rc.d'

/**
 * Installs those packages that are missing, as root on Debian; elsewhere nothing happens. What apt-get prints goes to our
 * standard error.
 *
 * @returns why some are still missing, and what to do about it; undefined when all are there
 */
export function installDebianPackages(packages: readonly DebianPackage[]): string | undefined {
  const missing = packages.filter(({ file }) => !existsSync(file)).map(({ name }) => name)
  if (missing.length === 0) return undefined
  const install = ['apt-get', 'install', '--yes', '--no-install-recommends', ...missing] as const
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) {
    return `there is no ${missing.join(', ')}; as root, on Debian:\n  apt-get update && ${install.join(' ')}`
  }
  // Debian starts a broker as soon as it is installed, on the port that the tests need, unless this file forbids it.
  const forbid = !existsSync(policy)
  if (forbid) writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  const failed = runAptGet(['update']) || runAptGet(install.slice(1))
  if (forbid) rmSync(policy)
  return failed ? `could not install ${missing.join(', ')}` : undefined
}

/** @returns whether it failed */
function runAptGet(args: readonly string[]): boolean {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  return spawnSync('apt-get', args, { stdio: ['inherit', 2, 'inherit'], env }).status !== 0
}
