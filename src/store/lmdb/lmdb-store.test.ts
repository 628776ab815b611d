import { testStore } from '../../../test/contract/store.ts'
import { openAgain, openInNewDirectory } from '../../../test/support/store-directory.ts'

for (const durability of ['sync', 'write'] as const) {
  testStore({
    name: `lmdb, ${durability}`,
    open: async (t, onFault) => (await openInNewDirectory(t, { durability, onFault })).store,
    reopen: openAgain,
  })
}
