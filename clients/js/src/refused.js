/** An answer that is no stream. */
export class Refused extends Error {
  /**
   * @param {number} status of HTTP
   * @param {number} [retryAfter] milliseconds after which the server wants to be asked again
   */
  constructor(status, retryAfter) {
    super(`the node answered with status ${status}`)
    this.name = 'Refused'
    this.status = status
    this.retryAfter = retryAfter
  }

  /** Whether it is of no use to ask again: the request is wrong, or the credential is. */
  get final() {
    return this.status < 500 && this.status !== 408 && this.status !== 425 && this.status !== 429
  }
}
