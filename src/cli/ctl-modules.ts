// The modules of `castellan ctl`, by the names that they are called by.

import { brokerModule } from './ctl-broker.ts'
import type { CtlModule } from './ctl-command.ts'
import { dynsecModule } from './ctl-dynsec.ts'

export const modules: Readonly<Record<string, CtlModule>> = { dynsec: dynsecModule, broker: brokerModule }
