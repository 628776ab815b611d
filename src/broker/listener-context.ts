// One listener as its connections see it. A reload replaces the settings and the realm; connections keep the context.

import type { Realm } from '../auth/realm.ts'
import type { ListenerSettings } from './options.ts'

export class ListenerContext {
  settings: ListenerSettings
  realm: Realm

  constructor(settings: ListenerSettings, realm: Realm) {
    this.settings = settings
    this.realm = realm
  }
}
