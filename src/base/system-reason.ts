// What the operating system says is in the way, for people.

import { getSystemErrorMessage } from 'node:util'

/** In the system's words, `no such file or directory`; by its code where it has none. Text of ours: nothing to escape. */
export function systemReason(error: unknown): string {
  const { code = 'unknown', errno } = error as NodeJS.ErrnoException
  return (errno === undefined ? undefined : getSystemErrorMessage(errno)) ?? code
}
