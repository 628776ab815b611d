// A broker whose users the application knows: `node own-users.ts [port]`.

import { createHash, timingSafeEqual } from 'node:crypto'
import { createBroker } from 'castellan'

const digest = (secret: string) => createHash('sha256').update(secret).digest()

/** As a database has them: keys that the application made itself, long and random, so that a plain digest is enough. */
const keys = new Map([['device-1', digest('5f0c4e1ab2d94c3e8a7d6b5c4f3e2d1c')]])

const broker = await createBroker({
  listeners: [{ port: Number(process.argv[2] ?? 1883), address: '127.0.0.1' }],
  hooks: {
    async authenticate({ username = '', password }) {
      const known = await Promise.resolve(keys.get(username))
      if (known === undefined || password === undefined) return false
      if (!timingSafeEqual(known, digest(String(password)))) return false
      // What is on no list is not allowed.
      return { publish: [`${username}/up/#`], subscribe: [`${username}/down/#`] }
    },
  },
})

broker.on('clientConnect', ({ client }) => process.stdout.write(`connected ${client.username}\n`))
broker.on('clientRefused', ({ username }) => process.stdout.write(`refused ${username}\n`))

const [address] = await broker.listen()
process.stdout.write(`listening ${address?.port}\n`)
process.once('SIGTERM', () => void broker.close())
