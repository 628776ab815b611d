import assert from 'node:assert/strict'
import test from 'node:test'
import { claimedRights, longestClaimedName, mostClaimedFilters, mostClaimedNames } from './jwt-claims.ts'

const rules = { rolesClaim: 'roles', groupsClaim: 'https://example.org/groups', aclClaim: undefined }
const withAcl = { ...rules, aclClaim: 'acl' }
const nothing = { roles: [], groups: [], topics: undefined }
const many = (count: number) => Array.from({ length: count }, (_, index) => `n${index}`)

test('features K5: roles and groups are read from their claims, and from no other', () => {
  const claims = { roles: ['a', 'b c'], 'https://example.org/groups': 'g', groups: ['other'] }
  assert.deepEqual(claimedRights(claims, rules), { roles: ['a', 'b c'], groups: ['g'], topics: undefined })
  const none = { rolesClaim: undefined, groupsClaim: undefined, aclClaim: undefined }
  assert.deepEqual(claimedRights({ ...claims, acl: 1 }, none), nothing)
  assert.deepEqual(claimedRights({}, rules), nothing, 'a token need not have any')
  assert.deepEqual(claimedRights({ roles: [] }, rules), nothing)
})

const badNames: readonly (readonly [what: string, claim: unknown])[] = [
  ['a number', 1],
  ['null', null],
  ['an object', { a: 'b' }],
  ['an empty name', ['a', '']],
  ['an empty text', ''],
  ['something that is no text among the names', ['a', 1]],
  ['a list in the list', [['a']]],
  ['invisible characters', ['ad\u202emin']],
  ['a control character', ['a\n']],
  ['half a character', ['\ud800']],
  ['a name that is too long', ['x'.repeat(longestClaimedName + 1)]],
  ['too many names', many(mostClaimedNames + 1)],
]

for (const [what, claim] of badNames) {
  test(`features K5: ${what} is no list of names, and refuses the token`, () => {
    assert.deepEqual(claimedRights({ roles: claim }, rules), {
      fault: 'token with roles that cannot be read (jwt_roles_claim)',
    })
    assert.deepEqual(claimedRights({ 'https://example.org/groups': claim }, rules), {
      fault: 'token with groups that cannot be read (jwt_groups_claim)',
    })
  })
}

test('features K5: as many names and filters, and as long ones, as there may be', () => {
  const roles = [...many(mostClaimedNames - 1), 'x'.repeat(longestClaimedName)]
  const publish = many(mostClaimedFilters)
  assert.deepEqual(claimedRights({ roles, acl: { publish } }, withAcl), {
    roles,
    groups: [],
    topics: { publish, subscribe: [] },
  })
})

test('features K5: topics are read from their claim, and a list that is left out is empty', () => {
  const acl = { publish: ['a/b', 'c/+'], subscribe: ['#'] }
  assert.deepEqual(claimedRights({ acl }, withAcl), { ...nothing, topics: acl })
  assert.deepEqual(claimedRights({ acl: {} }, withAcl), { ...nothing, topics: { publish: [], subscribe: [] } })
})

test('features K5: where tokens have to say what they allow, one that does not is refused', () => {
  assert.deepEqual(claimedRights({ roles: ['a'] }, withAcl), { fault: 'token without the claim of jwt_acl_claim' })
})

const badTopics: readonly (readonly [what: string, claim: unknown])[] = [
  ['null', null],
  ['a text', 'a/#'],
  ['a list', ['a/#']],
  ['a word that is not known, which may have been a denial', { publish: ['#'], deny: ['secret/#'] }],
  ['a list that is a text', { publish: 'a/#' }],
  ['a filter that is none', { subscribe: ['a/#/b'] }],
  ['an empty filter', { subscribe: [''] }],
  ['a number', { publish: [1] }],
  ['half a character', { publish: ['\ud800'] }],
  ['too many filters', { publish: many(mostClaimedFilters + 1) }],
]

for (const [what, acl] of badTopics) {
  test(`features K5: ${what}: no topics, and the token is refused`, () => {
    assert.deepEqual(claimedRights({ acl }, withAcl), {
      fault: 'token with topics that cannot be read (jwt_acl_claim)',
    })
  })
}
