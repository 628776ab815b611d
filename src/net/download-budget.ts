// The bytes that fetched revocation lists may have together, and half of them that those from one host may have: however many
// places certificates name, and however long the lists there are.

export class DownloadBudget {
  /** Bytes; `crl_fetch_max_bytes`. */
  most: number
  #all = 0
  /** No more hosts than there are places. */
  readonly #byHost = new Map<string, number>()

  constructor(most: number) {
    this.most = most
  }

  /** @returns false where there is no room for them; then nothing is taken */
  take(host: string, bytes: number): boolean {
    const own = this.#byHost.get(host) ?? 0
    if (this.#all + bytes > this.most || own + bytes > this.most / 2) return false
    this.#all += bytes
    this.#byHost.set(host, own + bytes)
    return true
  }

  /** What was taken. */
  giveBack(host: string, bytes: number): void {
    this.#all -= bytes
    const left = (this.#byHost.get(host) ?? 0) - bytes
    if (left > 0) this.#byHost.set(host, left)
    else this.#byHost.delete(host)
  }
}

/** One list, kept and on its way again: what is replaced soon counts no more than once. */
export class BudgetedList {
  readonly #budget: DownloadBudget
  readonly #host: string
  #kept = 0
  #coming = 0

  constructor(budget: DownloadBudget, host: string) {
    this.#budget = budget
    this.#host = host
  }

  /** @returns false where there is no room for what has come */
  come(bytes: number): boolean {
    const growth = Math.max(0, this.#coming + bytes - Math.max(this.#kept, this.#coming))
    if (!this.#budget.take(this.#host, growth)) return false
    this.#coming += bytes
    return true
  }

  /** All of it has come, and is kept instead of what was. */
  replace(): void {
    this.#budget.giveBack(this.#host, Math.max(0, this.#kept - this.#coming))
    this.#kept = this.#coming
    this.#coming = 0
  }

  /** It is of no use; what was kept stays. */
  giveUp(): void {
    this.#budget.giveBack(this.#host, Math.max(0, this.#coming - this.#kept))
    this.#coming = 0
  }
}
