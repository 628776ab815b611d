// A store in memory that a test can make slow, or fail.

import { openMemoryStore } from '../../src/store/memory/memory-store.ts'
import type { Store } from '../../src/store/store.ts'
import { StoreError } from '../../src/store/store-error.ts'

export interface UnrulyStore extends Store {
  /** `slow`: what is written is not answered until it is `well` again. `full`: it is refused, and may be tried again. */
  state: 'well' | 'slow' | 'full'
}

export function unrulyStore(): UnrulyStore {
  const store = openMemoryStore()
  let state: UnrulyStore['state'] = 'well'
  let waiting: (() => void)[] = []
  async function orderly<T>(write: () => Promise<T>): Promise<T> {
    if (state === 'full') throw new StoreError('ERR_STORE_FULL', 'no room', { errno: 'ENOSPC', mayGoOn: true })
    if (state === 'slow') await new Promise<void>(resolve => waiting.push(resolve))
    return write()
  }
  return {
    ...store,
    sessions: {
      apply: changes => orderly(() => store.sessions.apply(changes)),
      load: () => store.sessions.load(),
      setAside: refused => store.sessions.setAside(refused),
    },
    retained: {
      apply: changes => orderly(() => store.retained.apply(changes)),
      load: () => store.retained.load(),
      setAside: refused => store.retained.setAside(refused),
    },
    get state() {
      return state
    },
    set state(next) {
      state = next
      if (next !== 'well') return
      for (const resume of waiting) resume()
      waiting = []
    },
  }
}
