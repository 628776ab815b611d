// Puts a result together, and says whether its figures may be quoted: a figure beside losses is no figure.

import type { Scenario } from './request.ts'
import type { Faults, LoadResult } from './result.ts'
import { microsecondsPer, type SpanFigures } from './span.ts'

export const noFaults: Faults = { lost: 0, duplicates: 0, outOfOrder: 0, closed: 0, protocolErrors: 0, stalls: 0 }

const faultTexts: { readonly [Fault in keyof Faults]: string } = {
  lost: 'messages were lost',
  duplicates: 'messages came twice',
  outOfOrder: 'messages came out of order',
  closed: 'connections were closed by the other side',
  protocolErrors: 'packets were refusals or should not have been sent',
  stalls: 'times a closed loop stood still',
}

/** Messages of the measured part; all zero in scenarios without any. */
export interface MessageFigures {
  readonly sent: number
  readonly acknowledged: number
  readonly delivered: number
  readonly messagesPerWrite: number
  readonly messagesPerRead: number
}

export const noMessages: MessageFigures = {
  sent: 0,
  acknowledged: 0,
  delivered: 0,
  messagesPerWrite: 0,
  messagesPerRead: 0,
}

type Added = Partial<
  Pick<
    LoadResult,
    | 'latencyMicroseconds'
    | 'cpuMicrosecondsPerMessage'
    | 'coreProbeMicroseconds'
    | 'cpuMicrosecondsPerConnection'
    | 'connects'
    | 'idle'
    | 'retained'
    | 'subscriptions'
    | 'paced'
    | 'durable'
    | 'flood'
  >
>

/** `pardoned` faults are counted, but do not void the run. */
export function loadResult(
  scenario: Scenario['kind'],
  span: SpanFigures,
  messages: MessageFigures,
  faults: Faults,
  added: Added,
  pardoned: readonly (keyof Faults)[] = [],
): LoadResult {
  const invalidReasons = (Object.keys(faultTexts) as (keyof Faults)[])
    .filter(fault => faults[fault] > 0 && !pardoned.includes(fault))
    .map(fault => `${faults[fault]} ${faultTexts[fault]}`)
  const { brokerRssGrowthBytes: _, ...figures } = span
  return {
    scenario,
    valid: invalidReasons.length === 0,
    invalidReasons,
    ...figures,
    ...messages,
    messagesPerSecond: messages.delivered / span.seconds,
    cpuMicrosecondsPerMessage: microsecondsPer(span.brokerCpuSeconds, messages.delivered),
    cpuMicrosecondsPerConnection: null,
    latencyMicroseconds: null,
    ...faults,
    ...added,
  }
}
