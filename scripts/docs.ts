// `npm run docs`: writes the reference pages that are made from the code and its tests.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { conformanceDocument, conformancePath, namedTests } from './conformance.ts'
import { doctorPage } from './doctor-page.ts'
import { errorsPage } from './errors-page.ts'
import { metricsPage } from './metrics-page.ts'
import { optionsPage } from './options-page.ts'
import { pkitsPage } from './pkits-page.ts'
import { sysTreePage } from './sys-tree-page.ts'

writeFileSync(join(import.meta.dirname, '../docs/reference/options.md'), optionsPage())
writeFileSync(join(import.meta.dirname, '../docs/reference/errors.md'), errorsPage())
writeFileSync(join(import.meta.dirname, '../docs/reference/metrics.md'), metricsPage())
writeFileSync(join(import.meta.dirname, '../docs/reference/pkits.md'), pkitsPage())
writeFileSync(join(import.meta.dirname, '../docs/reference/sys-tree.md'), sysTreePage())
writeFileSync(join(import.meta.dirname, '../docs/reference/doctor.md'), doctorPage())
writeFileSync(conformancePath, conformanceDocument(namedTests()))
