// All rules, in the order of their ids.

import type { Rule } from './finding.ts'
import { accessRules } from './rules/access.ts'
import { aclFileRules } from './rules/acl-files.ts'
import { certificateRules } from './rules/certificates.ts'
import { fileRules } from './rules/files.ts'
import { listenerRules } from './rules/listeners.ts'
import { operationRules } from './rules/operation.ts'
import { secretRules } from './rules/secrets.ts'
import { trustRules } from './rules/trust.ts'

export const rules: readonly Rule[] = [
  ...accessRules,
  ...aclFileRules,
  ...certificateRules,
  ...fileRules,
  ...listenerRules,
  ...operationRules,
  ...secretRules,
  ...trustRules,
].sort((a, b) => Number(a.id.slice(1)) - Number(b.id.slice(1)))
