// The files that a configuration is read from, as an interface, so that tests need no disk.

import { readdirSync, readFileSync, statSync } from 'node:fs'

/** Most bytes of one configuration file. */
export const maximumConfigBytes = 4 * 1024 * 1024

export interface ConfigFiles {
  /** A file's bytes; why not, otherwise. */
  read(path: string): Uint8Array | 'directory' | 'too-large' | 'unreadable'
  /** The names in a directory, in any order; undefined when it cannot be read. */
  list(directory: string): readonly string[] | undefined
}

/** Files of this machine; reads only. */
export const filesOnDisk: ConfigFiles = {
  read(path) {
    try {
      const entry = statSync(path)
      if (entry.isDirectory()) return 'directory'
      return entry.size > maximumConfigBytes ? 'too-large' : readFileSync(path)
    } catch {
      return 'unreadable'
    }
  },
  list(directory) {
    try {
      return readdirSync(directory)
    } catch {
      return undefined
    }
  },
}
