// The library: what `import { createBroker } from 'castellan'` gives. Everything that is exported here is kept; all else may change.

export type { LogType } from '../base/log.ts'
export type { QoS } from '../mqtt/packet.ts'
export type { AttachedServer, AttachOptions } from './attached-server.ts'
export type { Broker } from './broker.ts'
export type { Client } from './client.ts'
export { ClosedError, MessageError, OptionsError, QueueFullError, RefusedError, StreamError } from './errors.ts'
export type { BrokerEvents, EventName, GrantedSubscription, ListenerAddress } from './events.ts'
export type {
  Admission,
  AuthenticateAnswer,
  Credentials,
  Hooks,
  IncomingAnswer,
  IncomingChange,
  OutgoingAnswer,
  OutgoingChange,
  ProvenCertificate,
  Subject,
} from './hooks.ts'
export type { Message, MessageProperties } from './message.ts'
export type {
  BrokerOptions,
  FileOptions,
  GivenOptions,
  ListenerConfOptions,
  ListenerOptions,
  LogLine,
  ObjectOptions,
} from './options.ts'
export type { MessageHandler, PublishOptions, SubscribeOptions, Subscription } from './own-messages.ts'
export { createBroker } from './start.ts'
