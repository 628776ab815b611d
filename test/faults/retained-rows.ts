// A store with many retained messages, made without a broker.

import { openStore } from '../../src/store/open-store.ts'
import type { RetainedChange } from '../../src/store/retained-store.ts'

/** @param directory of the store, `castellan-store` below `persistence_location` */
export async function writeRetained(directory: string, count: number): Promise<void> {
  const store = await openStore({ engine: 'lmdb', directory, durability: 'write' })
  const payload = new Uint8Array(10)
  const changes = Array.from(
    { length: count },
    (_, n): RetainedChange => ({
      kind: 'put-retained',
      topicName: `topic/${n}`,
      qos: 0,
      retain: true,
      publisher: '',
      // The length of the source, which is not there: nobody may publish this any more.
      properties: new Uint8Array(4),
      payload,
      expiresAt: undefined,
      keptUntil: undefined,
    }),
  )
  await store.retained.apply(changes)
  await store.close()
}
