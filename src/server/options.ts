// All options of mosquitto.conf, gathered from the rooms that obey them, and the types of a whole configuration.

import { type AuditSettings, auditOptions } from '../audit/options.ts'
import { type ListenerSettings as AuthListenerSettings, type AuthSettings, authOptions } from '../auth/options.ts'
import { type BridgeDirectory, bridgeOptions } from '../bridge/options.ts'
import {
  type ListenerSettings as BrokerListenerSettings,
  type BrokerSettings,
  brokerOptions,
} from '../broker/options.ts'
import { directives } from '../config/directives.ts'
import type { ConfigMessage } from '../config/draft.ts'
import { option, type Settings } from '../config/option.ts'
import { integer, path, text } from '../config/value.ts'
import { type HttpSettings, httpOptions } from '../http/options.ts'
import { type ListenerSettings as NetListenerSettings, type NetSettings, netOptions } from '../net/options.ts'
import { type LogSettings, observeOptions } from '../observe/options.ts'
import { certificateOptions } from './certificate-options.ts'

const serverOptions = {
  ...certificateOptions,
  pid_file: option({
    scope: 'global',
    value: path(),
    default: undefined,
    reload: 'restart',
    doc: 'File that the process id is written to.',
  }),
  shutdown_timeout: option({
    scope: 'global',
    value: integer({ minimum: 1, maximum: 86_400 }),
    default: 8,
    reload: 'live',
    doc: 'Seconds that a broker which was told to end waits for its clients to take their last bytes and for the store to take what was recorded. By default less than the ten that Docker waits before it kills.',
    own: true,
  }),
  user: option({
    scope: 'global',
    value: text({ syntax: '<user name>', replace: true }),
    default: 'mosquitto',
    reload: 'restart',
    doc: 'User that a broker started as root becomes; if there is no user `mosquitto`, `nobody`.',
  }),
}

/** The rooms' tables, in the order of the reference documentation. */
export const optionTables = {
  config: directives,
  server: serverOptions,
  net: netOptions,
  auth: authOptions,
  audit: auditOptions,
  broker: brokerOptions,
  observe: observeOptions,
  http: httpOptions,
  bridge: bridgeOptions,
}

/** Every option by its name. */
export const options = {
  ...directives,
  ...serverOptions,
  ...netOptions,
  ...authOptions,
  ...auditOptions,
  ...brokerOptions,
  ...observeOptions,
  ...httpOptions,
  ...bridgeOptions,
}

export type ServerSettings = Settings<typeof serverOptions, 'global'>

/** Each room's settings are a part of it. */
export type GlobalSettings = ServerSettings &
  AuditSettings &
  NetSettings &
  AuthSettings &
  BrokerSettings &
  LogSettings &
  HttpSettings &
  BridgeDirectory

/** One listener, with everything that it inherits already filled in. */
export type ListenerSettings = NetListenerSettings & AuthListenerSettings & BrokerListenerSettings

/** A whole configuration, deeply frozen. */
export interface Config {
  readonly global: GlobalSettings
  readonly listeners: readonly ListenerSettings[]
  /** No listener was configured: loopback only, anonymous clients allowed. */
  readonly localOnly: boolean
  /** Notices and warnings about the configuration, to be logged at start, in order. */
  readonly messages: readonly ConfigMessage[]
  /** The files that were read, in order. */
  readonly sources: readonly string[]
}
