// The format of event streams (WHATWG HTML, section 9.2.6), in whatever pieces it comes.

/** No stream is believed whose line or event is longer, in UTF-16 units: far more than an envelope has. */
const LONGEST = 4 << 20

/** Takes text, gives events. */
export class EventStreamParser {
  #rest = ''
  #first = true
  /** A line ended by CR was the last: the LF that may follow belongs to it. */
  #afterReturn = false
  #data = []
  #size = 0
  #name = ''
  #id

  /**
   * @param {string} text the next piece
   * @returns {{name: string, data?: string, id?: string, retry?: number}[]} what it completes: events; an id without an event (no
   *   `data`), as a position; hints (`retry`, in milliseconds)
   */
  push(text) {
    if (text === '') return []
    if (this.#first && text.startsWith('\uFEFF')) text = text.slice(1)
    if (this.#afterReturn && text.startsWith('\n')) text = text.slice(1)
    this.#first = false
    this.#afterReturn = text.endsWith('\r')
    const all = this.#rest + text
    const found = []
    let begin = 0
    for (const { 0: end, index } of all.matchAll(/\r\n|\r|\n/g)) {
      this.#line(all.slice(begin, index), found)
      begin = index + end.length
    }
    this.#rest = all.slice(begin)
    if (this.#rest.length + this.#size > LONGEST) throw new RangeError(`an event of more than ${LONGEST} characters`)
    return found
  }

  #line(line, found) {
    if (line === '') return this.#dispatch(found)
    const colon = line.indexOf(':')
    const field = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (field === 'data') {
      this.#data.push(value)
      this.#size += value.length + 1
    } else if (field === 'event') this.#name = value
    else if (field === 'id' && !value.includes('\0')) this.#id = value
    else if (field === 'retry' && /^\d+$/.test(value)) found.push({ name: 'retry', retry: Number(value) })
  }

  #dispatch(found) {
    const event = { name: this.#name || 'message', id: this.#id }
    if (this.#data.length > 0) found.push({ ...event, data: this.#data.join('\n') })
    else if (this.#id !== undefined) found.push({ ...event, name: 'position' })
    this.#data = []
    this.#size = 0
    this.#name = ''
    this.#id = undefined
  }
}
