import assert from 'node:assert/strict'
import { userInfo } from 'node:os'
import { test } from 'node:test'
import { ListenerError } from '../net/errors.ts'
import { StoreError } from '../store/store-error.ts'
import { errorLines } from './error-lines.ts'

const forbidden = Object.assign(new Error('permission denied'), { code: 'EACCES' })

test('conf §1, user: whoever may not open a file is told which account the broker runs as; whoever may not have a port is told of ports', () => {
  const store = new StoreError('ERR_STORE_DIRECTORY', "cannot make '/nope/castellan-store'", { cause: forbidden })
  assert.deepEqual(errorLines(store), [
    "Error: cannot make '/nope/castellan-store'",
    `The broker runs as '${userInfo().username}' (option 'user'), which may not: let that account have the file and its directories, or name another.`,
  ])
  const fault = 'permission denied for the user that runs the broker'
  const key = new ListenerError('ERR_NET_TLS_SETTINGS', 'Error: Unable to load server key file "k".', fault, {
    cause: forbidden,
  })
  assert.deepEqual(errorLines(key), [key.message, fault, errorLines(store)[1]])
  const hint = 'port 80 on 0.0.0.0: ports below 1024 need CAP_NET_BIND_SERVICE; choose a higher one'
  const port = new ListenerError('ERR_NET_PERMISSION_DENIED', 'Error: Permission denied', hint, { cause: forbidden })
  assert.deepEqual(errorLines(port), ['Error: Permission denied', hint])
})

test('each error says once that it is one', () => {
  const said = (message: string) => errorLines(new StoreError('ERR_STORE_DIRECTORY', message))
  assert.deepEqual(said('the store is in use'), ['Error: the store is in use'])
  assert.deepEqual(said('password-file: Error: Unable to open pwfile "x".'), [
    'password-file: Error: Unable to open pwfile "x".',
  ])
})
