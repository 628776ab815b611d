// For tests about topics: generated topics, and a matcher written as §4.7 reads, to compare with.

import fc from 'fast-check'

const level = fc.constantFrom('a', 'b', 'c', '', '$SYS', 'größe', 'a level that is long enough to be copied')

/** Few distinct levels, so that filters and names often meet. */
export const anyName = fc
  .array(level, { minLength: 1, maxLength: 5 })
  .map(levels => levels.join('/'))
  .filter(name => name !== '')

export const anyFilter = fc
  .tuple(fc.array(fc.oneof(level, fc.constant('+')), { maxLength: 4 }), fc.constantFrom('a', '', '+', '#', '#'))
  .map(([levels, last]) => [...levels, last].join('/'))
  .filter(filter => filter !== '')

export function naivelyMatches(topicFilter: string, topicName: string): boolean {
  const filter = topicFilter.split('/')
  const name = topicName.split('/')
  if (topicName.startsWith('$') && (filter[0] === '+' || filter[0] === '#')) return false
  if (filter.at(-1) === '#') {
    filter.pop()
    if (name.length < filter.length) return false
    name.length = filter.length
  }
  return filter.length === name.length && filter.every((wanted, depth) => wanted === '+' || wanted === name[depth])
}
