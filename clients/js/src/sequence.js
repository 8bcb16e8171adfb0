// Envelopes of one log carry a `seq` that only grows: one that does not was seen before.

/** What was seen last of each log. */
export class Sequence {
  #last = new Map()

  /**
   * Whether the envelope is new. One without a `seq` is in no log (an ephemeral event), and passes.
   * @returns {{source: string, seq: string, last: string} | undefined} what is wrong, if it is not
   */
  check({ source, seq }) {
    if (seq === undefined) return undefined
    const number = BigInt(seq)
    const last = this.#last.get(source)
    if (last !== undefined && number <= last) return { source, seq, last: String(last) }
    this.#last.set(source, number)
    return undefined
  }

  /** The logs begin anew: after a resynchronisation, anything may come. */
  reset() {
    this.#last.clear()
  }
}
