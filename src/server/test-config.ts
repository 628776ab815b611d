// `castellan run --test-config`: every file that a start would read is read, and nothing else is done.

import { PasswordVerifier, passwordVerifierDefaults } from '../auth/password-verifier.ts'
import { systemClock, wallClock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import { BanFile } from '../control/ban-file.ts'
import { ServedDirectory } from '../http/served-directory.ts'
import { RevocationFiles } from '../net/revocation-files.ts'
import { loadTlsOptions } from '../net/tls-context.ts'
import { ExternalAuth } from './external-auth.ts'
import type { Config } from './options.ts'
import { loadRevocations } from './revocation-lists.ts'
import { securityPlugin } from './rule-sources.ts'
import { RulesLoader } from './rules.ts'
import { becomeUser, exitCode, type RunIo, stamped, tellFault } from './run-options.ts'

/**
 * Reads every file that the configuration names, as a start would and as the account of a start; opens no port and writes nothing.
 *
 * @returns the exit code
 */
export async function testConfig(config: Config, io: RunIo): Promise<number> {
  const log: Log = {
    enabled: type => type === 'warning' || type === 'notice',
    write: (type, line) => {
      if (type === 'warning' || type === 'notice') io.stderr.write(stamped(line))
    },
  }
  for (const { line } of config.messages) io.stderr.write(stamped(line))
  try {
    // First: while the files of the program are still readable.
    const security = hasSecurity(config) ? await import('./dynamic-security.ts') : undefined
    becomeUser(config, [])
    const clock = systemClock()
    const verifier = new PasswordVerifier(passwordVerifierDefaults, clock)
    const rules = new RulesLoader(log, verifier, security?.readDirectory(config, log), new ExternalAuth(log, clock))
    for (const listener of config.listeners) {
      rules.realm(config.global, listener)
      if (listener.certfile !== undefined) loadTlsOptions(listener, log)
      if (listener.protocol === 'http_api' && listener.http_dir !== undefined) new ServedDirectory(listener.http_dir)
    }
    if (config.global.ban_file !== undefined) new BanFile(config.global.ban_file, wallClock)
    await loadRevocations(new RevocationFiles(log), config)
  } catch (error) {
    tellFault(error, io)
    return exitCode.configuration
  }
  io.stdout.write('Configuration file is OK.\n')
  return exitCode.stopped
}

function hasSecurity({ global, listeners }: Config): boolean {
  return listeners.some(listener => securityPlugin(global, listener) !== undefined)
}
