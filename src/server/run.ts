// `castellan run`: from a command line to a broker that runs until it is told to stop. What serves is loaded once the configuration
// is right, and not before.

import { brokerTitle } from '../base/process-title.ts'
import { version } from '../base/version.ts'
import { ConfigError } from '../config/config-error.ts'
import { daemonize } from './daemon.ts'
import { readEnvironment } from './environment.ts'
import type { Config } from './options.ts'
import { parseConfig } from './parse-config.ts'
import { configInputs, exitCode, type RunIo, type RunOptions, stamped, tellFault } from './run-options.ts'

/** @returns the exit code, once the broker has stopped or could not start */
export async function runBroker(options: RunOptions, io: RunIo): Promise<number> {
  const config = readConfig(options, io)
  if (config === undefined) return exitCode.configuration
  const { umask } = readEnvironment(process.env)
  if (umask !== undefined) process.umask(umask)
  // Read while the files of the program are still readable.
  version()
  if (options.testConfig) {
    const { testConfig } = await import('./test-config.ts')
    return await testConfig(config, io)
  }
  if (options.daemon && !process.connected) return daemonize(io)
  process.title = options.title ?? brokerTitle
  const { serve } = await import('./serve.ts')
  return await serve(options, config, io)
}

function readConfig(options: RunOptions, io: RunIo): Config | undefined {
  try {
    return parseConfig(options.configFile, configInputs(options))
  } catch (error) {
    if (error instanceof ConfigError) for (const line of error.lines) io.stderr.write(stamped(line))
    else tellFault(error, io)
    return undefined
  }
}
