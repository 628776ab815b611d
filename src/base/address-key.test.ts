import assert from 'node:assert/strict'
import test from 'node:test'
import { addressKey } from './address-key.ts'

const keys: readonly (readonly [address: string, key: string | undefined])[] = [
  ['192.0.2.7', '192.0.2.7'],
  ['::ffff:192.0.2.7', '192.0.2.7'],
  ['::FFFF:c000:207', '192.0.2.7'],
  ['0:0:0:0:0:ffff:192.0.2.7', '192.0.2.7'],
  ['0000::0:ffff:c000:0207%eth0', '192.0.2.7'],
  ['::192.0.2.7', '0:0:0:0::/64'],
  ['::ffff:0:192.0.2.7', '0:0:0:0::/64'],
  ['1:2:3:4:5:6:7::', '1:2:3:4::/64'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:DB8:1:2::9', '2001:db8:1:2::/64'],
  ['2001:db8:0001:0002:ffff::', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['64:ff9b::192.0.2.7', '64:ff9b:0:0::/64'],
  ['', undefined],
]

for (const [address, key] of keys) {
  test(`features H4: the address '${address}' counts as ${key ?? 'nobody'}`, () =>
    assert.equal(addressKey(address), key))
}
