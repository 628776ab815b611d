// Makes safe which files a directory has: a power failure may take back that one was made, renamed or removed until then.

import { closeSync, constants, fsyncSync, openSync } from 'node:fs'
import { open } from 'node:fs/promises'

/** @throws the operating system's error, as a rejection */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, constants.O_RDONLY)
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

/** The same at once, where nobody else waits. @throws the operating system's error */
export function syncDirectoryNow(path: string): void {
  const descriptor = openSync(path, constants.O_RDONLY)
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
