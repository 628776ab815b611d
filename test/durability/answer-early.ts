// Loaded before the broker (`node --import`): makes of it one that answers a command before the log holds it.

import { ChangeLog } from '../../src/dynsec/change-log.ts'
import type { LoggedCommand } from '../../src/dynsec/change-record.ts'

const append = ChangeLog.prototype.append

ChangeLog.prototype.append = function (this: ChangeLog, from: number, commands: readonly LoggedCommand[]) {
  setTimeout(() => append.call(this, from, commands), 200)
  return Promise.resolve()
}
