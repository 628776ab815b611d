// The modules of `castellan ctl`, by the names that they are called by.

import { brokerModule } from './broker.ts'
import type { CtlModule } from './command.ts'
import { dynsecModule } from './dynsec.ts'

export const modules: Readonly<Record<string, CtlModule>> = { dynsec: dynsecModule, broker: brokerModule }
