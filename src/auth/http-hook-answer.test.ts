import assert from 'node:assert/strict'
import test from 'node:test'
import { hookAnswerLimits, parseHookAnswer } from './http-hook-answer.ts'

const nothing = { roles: [], groups: [], topics: undefined }
const many = (count: number) => Array.from({ length: count }, (_, index) => `t${index}`)

const right: readonly (readonly [answer: unknown, meaning: object])[] = [
  [{ result: 'allow' }, { kind: 'allow', rights: nothing, lifetimeMs: undefined }],
  [
    { result: 'allow', lifetime: 60 },
    { kind: 'allow', rights: nothing, lifetimeMs: 60_000 },
  ],
  [
    { result: 'allow', roles: ['r'], groups: ['g'] },
    { kind: 'allow', rights: { ...nothing, roles: ['r'], groups: ['g'] }, lifetimeMs: undefined },
  ],
  [
    { result: 'allow', publish: ['a/#'] },
    { kind: 'allow', rights: { ...nothing, topics: { publish: ['a/#'], subscribe: [] } }, lifetimeMs: undefined },
  ],
  [
    { result: 'allow', subscribe: [] },
    { kind: 'allow', rights: { ...nothing, topics: { publish: [], subscribe: [] } }, lifetimeMs: undefined },
  ],
  [{ result: 'deny' }, { kind: 'deny', rule: 'the HTTP hook says no' }],
  [{ result: 'ignore' }, { kind: 'defer', rule: 'the HTTP hook does not know the user' }],
]

for (const [answer, meaning] of right) {
  test(`features K6: hook: the answer ${JSON.stringify(answer)} is understood`, () => {
    assert.deepEqual(parseHookAnswer(JSON.stringify(answer)), meaning)
  })
}

const wrong: readonly (readonly [text: string, fault: RegExp])[] = [
  ['', /no JSON/],
  ['<html>secret</html>', /^Error: the answer is no JSON$/],
  ['null', /no object/],
  ['[]', /no object/],
  ['true', /no object/],
  ['{}', /result of the answer/],
  ['{"result":"Allow"}', /result of the answer/],
  ['{"result":true}', /result of the answer/],
  ['{"result":"allow","subcribe":["a"]}', /a member "subcribe" that is not known/],
  ['{"result":"allow","lifetime":0}', /lifetime/],
  ['{"result":"allow","lifetime":1.5}', /lifetime/],
  ['{"result":"allow","lifetime":"60"}', /lifetime/],
  ['{"result":"allow","lifetime":86401}', /lifetime/],
  ['{"result":"allow","roles":"r"}', /"roles" of the answer/],
  ['{"result":"allow","roles":[1]}', /"roles" of the answer/],
  ['{"result":"allow","roles":[""]}', /"roles" of the answer/],
  ['{"result":"allow","groups":{"g":1}}', /"groups" of the answer/],
  ['{"result":"allow","publish":["a/#/b"]}', /"publish" of the answer: topic filter/],
  ['{"result":"allow","subscribe":["a+"]}', /"subscribe" of the answer: topic filter/],
  [`{"result":"allow","publish":${JSON.stringify(many(hookAnswerLimits.topicFilters + 1))}}`, /at most 256 texts/],
  [`{"result":"allow","roles":${JSON.stringify(many(hookAnswerLimits.roles + 1))}}`, /at most 64 texts/],
]

for (const [text, fault] of wrong) {
  test(`features K6: hook: the answer ${text.slice(0, 60)} lets nobody in`, () => {
    assert.throws(() => parseHookAnswer(text), fault)
  })
}

test('features K6: hook: lists may be as long as the limits', () => {
  const { roles, topicFilters } = hookAnswerLimits
  const answer = parseHookAnswer(JSON.stringify({ result: 'allow', roles: many(roles), publish: many(topicFilters) }))
  assert.ok(answer.kind === 'allow')
  assert.deepEqual([answer.rights.roles.length, answer.rights.topics?.publish.length], [roles, topicFilters])
})
