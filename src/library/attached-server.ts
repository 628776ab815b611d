// What a program attaches to the broker, for whoever compiles against the package: nothing here leads to types of another package.

import type { Server as HttpServer } from 'node:http'
import type { Server as HttpsServer } from 'node:https'
import type { Server as NetServer } from 'node:net'

export interface AttachOptions {
  /** Of an HTTP server: where WebSockets are the broker's; every path when left out. */
  readonly path?: string
}

export type AttachedServer = NetServer | HttpServer | HttpsServer
