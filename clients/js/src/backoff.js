// How long to wait before the next attempt.

/** The bound of the first wait, and of the longest, in milliseconds. */
const FIRST = 1_000
const LONGEST = 30_000
/** No server is believed that wants to be left alone for longer. */
const LONGEST_HINT = 300_000

/**
 * Exponential with full jitter: anything from 0 to a bound that doubles with each failure, so that clients which lost a server at the
 * same moment do not come back at the same moment. What the server asks for is the least.
 */
export class Backoff {
  #failures = 0
  #random

  /** @param {() => number} [random] a number from 0 up to 1 */
  constructor(random = Math.random) {
    this.#random = random
  }

  /** It worked: the next failure is the first again. */
  reset() {
    this.#failures = 0
  }

  /**
   * The wait after one more failure.
   * @param {number} [hint] milliseconds that the server has asked for
   */
  next(hint = 0) {
    const bound = Math.min(LONGEST, FIRST * 2 ** this.#failures)
    this.#failures++
    return Math.max(Math.min(hint, LONGEST_HINT), this.#random() * bound)
  }
}
