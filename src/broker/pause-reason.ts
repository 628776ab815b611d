// Why a client is not read for a while, one bit each: one reason that is gone does not lift the others.

export const PauseReason = { judging: 1, rate: 2, congestion: 4, control: 8, application: 16 } as const
export type PauseReason = (typeof PauseReason)[keyof typeof PauseReason]
