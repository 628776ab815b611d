import assert from 'node:assert/strict'
import test from 'node:test'
import { type LdapSettings, ldapFault, ldapOptions } from './ldap-options.ts'

const noLdap = Object.fromEntries(
  Object.entries(ldapOptions).map(([name, { default: value }]) => [name, value]),
) as unknown as LdapSettings

const url = { ldap_url: 'ldaps://ldap.example' }
const template = { ldap_user_dn: 'uid=%u,dc=a' }
const search = { ldap_base: 'dc=a', ldap_bind_dn: 'cn=b,dc=a', ldap_bind_password_file: 'p' }
const groups = { ldap_group_base: 'dc=a', ldap_group_role: [{ role: 'r', group: 'cn=g' }] }

const directories: readonly (readonly [what: string, Partial<LdapSettings>, RegExp | undefined])[] = [
  ['no LDAP', {}, undefined],
  ['a template', { ...url, ...template }, undefined],
  ['a search', { ...url, ...search }, undefined],
  ['a template, and an account', { ...url, ...search, ldap_base: undefined, ...template }, undefined],
  ['groups', { ...url, ...search, ...groups }, undefined],
  ['a template without LDAP', template, /need ldap_url/],
  ['authorities without LDAP', { ldap_cafile: 'ca.crt' }, /need ldap_url/],
  ['a password without LDAP', { ldap_bind_password_file: 'p' }, /need ldap_url/],
  ['roles without LDAP', { ldap_group_role: groups.ldap_group_role }, /need ldap_url/],
  ['StartTLS without LDAP', { ldap_starttls: true }, /need ldap_url/],
  ['neither template nor search', url, /needs ldap_user_dn, or ldap_base/],
  ['both', { ...url, ...template, ...search }, /and not both/],
  ['a search by nobody', { ...url, ldap_base: 'dc=a' }, /ldap_base needs ldap_bind_dn/],
  ['an account without password', { ...url, ...template, ldap_bind_dn: 'cn=b' }, /go together/],
  ['groups without roles', { ...url, ...template, ldap_group_base: 'dc=a' }, /ldap_group_role go together/],
  [
    'roles without groups',
    { ...url, ...template, ldap_group_role: groups.ldap_group_role },
    /ldap_group_role go together/,
  ],
  ['plain, on this machine', { ...template, ldap_url: 'ldap://localhost' }, undefined],
  ['plain, elsewhere', { ...template, ldap_url: 'ldap://ldap.example' }, /has to be ldaps/],
  ['StartTLS', { ...template, ldap_url: 'ldap://ldap.example', ldap_starttls: true }, undefined],
  ['StartTLS within TLS', { ...url, ...template, ldap_starttls: true }, /ldaps:\/\/ is encrypted already/],
  [
    'plain, and said so',
    { ...template, ldap_url: 'ldap://ldap.example', ldap_send_passwords_unencrypted: true },
    undefined,
  ],
]

for (const [what, settings, fault] of directories) {
  test(`features K6: options of LDAP: ${what}: ${fault === undefined ? 'can be' : 'refused'}`, () => {
    const found = ldapFault({ ...noLdap, ...settings }, true)
    if (fault === undefined) assert.equal(found, undefined)
    else assert.match(found ?? '', fault)
  })
}

test('features K6: options of LDAP: roles need dynamic security', () => {
  assert.match(ldapFault({ ...noLdap, ...url, ...search, ...groups }, false) ?? '', /needs dynamic security/)
})

function parse(name: keyof typeof ldapOptions, value: string): unknown {
  return ldapOptions[name].value.parse(value, name, undefined as never, () => {})
}

const refused: readonly (readonly [name: keyof typeof ldapOptions, value: string])[] = [
  ['ldap_url', 'https://ldap.example'],
  ['ldap_url', 'ldaps://ldap.example/dc=a??sub'],
  ['ldap_url', 'ldaps://cn=b:secret@ldap.example'],
  ['ldap_user_dn', 'uid=alice,dc=a'],
  ['ldap_user_dn', 'uid=%u,ou=%c'],
  ['ldap_user_attribute', 'uid)(cn'],
  ['ldap_user_filter', 'cn=a'],
  ['ldap_group_filter', '(cn=a)'],
  ['ldap_group_role', 'role'],
]

for (const [name, value] of refused) {
  test(`features K6: '${name} ${value}' is refused`, () => {
    assert.throws(() => parse(name, value), { code: 'ERR_CONFIG_VALUE' })
  })
}

test('features K6: options of LDAP: values that are right are read', () => {
  assert.equal(parse('ldap_url', 'ldaps://ldap.example:6360/'), 'ldaps://ldap.example:6360/')
  assert.equal(parse('ldap_group_filter', '(|(member=%d)(memberUid=%u))'), '(|(member=%d)(memberUid=%u))')
  assert.deepEqual(parse('ldap_group_role', 'r cn=a b,dc=a'), [{ role: 'r', group: 'cn=a b,dc=a' }])
})
