import { testStore } from '../../../test/contract/store.ts'
import { openMemoryStore } from './memory-store.ts'

testStore({
  name: 'memory',
  open: async (t, onFault) => {
    const store = openMemoryStore({ onFault })
    t.after(() => store.close())
    return store
  },
  reopen: undefined,
})
