// Loaded before the broker (`node --import`): makes of it one that answers a command before the file holds it.

import { FileWriter } from '../../src/dynsec/file-writer.ts'

const write = FileWriter.prototype.write

FileWriter.prototype.write = function (this: FileWriter) {
  setTimeout(() => write.call(this), 200)
  return Promise.resolve()
}
