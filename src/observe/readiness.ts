// What has to be so before clients should be sent here. Each part of the broker that can be unready has a check.

export interface ReadinessCheck {
  /** What it is about, in a word: `listeners`. */
  readonly name: string
  /**
   * Why it is not ready, for people and without secrets; undefined when it is. Asked for each request: answers from
   * memory.
   */
  unreadyBecause(): string | undefined
}

/** One line for each check that fails; none when all is well. */
export function unreadyLines(checks: readonly ReadinessCheck[]): readonly string[] {
  return checks.flatMap(check => {
    const reason = check.unreadyBecause()
    return reason === undefined ? [] : [`${check.name}: ${reason}`]
  })
}
