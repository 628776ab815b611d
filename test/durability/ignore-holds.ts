// Loaded before the broker (`node --import`): makes of it one that acknowledges at once, whatever is written when.

import { SocketConnection } from '../../src/net/connection.ts'

SocketConnection.prototype.hold = () => {}
