// Stores in directories that go with the test.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { openStore } from '../../src/store/open-store.ts'
import type { Store, StoreOptions } from '../../src/store/store.ts'

const directories = new WeakMap<Store, string>()

/** A directory for a store, not made yet. */
export function storeDirectory(t: TestContext): string {
  const parent = mkdtempSync(join(tmpdir(), 'castellan-store-'))
  t.after(() => rmSync(parent, { recursive: true, force: true }))
  return join(parent, 'store')
}

export async function openInNewDirectory(
  t: TestContext,
  options: Omit<StoreOptions, 'directory'> = {},
): Promise<{ readonly store: Store; readonly directory: string }> {
  const directory = storeDirectory(t)
  const store = await openStore({ engine: 'lmdb', directory, ...options })
  directories.set(store, directory)
  t.after(() => store.close())
  return { store, directory }
}

/** Closes a store of `openInNewDirectory`, and opens it again. */
export async function openAgain(store: Store): Promise<Store> {
  await store.close()
  return openStore({ engine: 'lmdb', directory: directories.get(store) as string, durability: store.durability })
}
