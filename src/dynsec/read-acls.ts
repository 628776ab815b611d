// Lists of ACLs in commands and files: what cannot be one is passed over, as Mosquitto does.

import { booleanOf, type JsonObject, objectsOf, textOf } from './json.ts'
import { type Acl, type AclType, aclTypes } from './model.ts'
import { priorityOf } from './priority.ts'

/** Of the same type and topic the first counts. */
export function readAcls(object: JsonObject): readonly Acl[] {
  const acls = new Map<string, Acl>()
  for (const entry of objectsOf(object, 'acls')) {
    const type = aclTypeOf(textOf(entry, 'acltype'))
    const topic = textOf(entry, 'topic')
    if (type === undefined || topic === undefined || topic === '') continue
    const key = `${type} ${topic}`
    if (acls.has(key)) continue
    acls.set(key, { type, topic, priority: priorityOf(entry, 0), allow: booleanOf(entry, 'allow', false) })
  }
  return [...acls.values()]
}

export function aclTypeOf(name: string | undefined): AclType | undefined {
  return aclTypes.find(type => type === name)
}
