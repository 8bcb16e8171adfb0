// Follows a node for as long as it is wanted: connects, comes back, goes on where it was.

import { Backoff } from './backoff.js'
import { Sequence } from './sequence.js'
import { overEvents } from './sse.js'
import { overWebSocket } from './websocket.js'

/** Silence after which a connection is taken for dead, in milliseconds: three times what the server lets pass. */
const SILENCE = 45_000

/**
 * @typedef {object} Options
 * @property {string} url of the node, such as `https://relay.example.com`
 * @property {'sse' | 'ws'} [transport] `sse` by default
 * @property {string | (() => string | Promise<string>)} [key] an API key or a token; for `ws` only where `open` can send it
 * @property {() => string | Promise<string>} [ticket] gives a new stream ticket; called for each connection
 * @property {string[]} [types] beginnings of types' names
 * @property {string[]} [subject] subjects, whole
 * @property {object} [filter] a filter of NIP-01, without `limit` and `search`
 * @property {boolean} [coalesce] whether only the last of several waiting envelopes about one thing's progress counts
 * @property {string} [since] where to begin: a cursor that was kept, `now` (the default) or `oldest`
 * @property {(envelope: object, cursor: string) => void} onEvent for each envelope, once; keep the cursor to go on with it
 * @property {(gap: Gap) => void} [onGap] what could not be told, or was told twice
 * @property {(state: 'connecting' | 'open' | 'waiting' | 'closed', detail?: unknown) => void} [onState] `waiting` comes with the error
 *   or the reason, and the wait in milliseconds
 * @property {(url: string, credential: {key?: string, ticket?: string}) => WebSocket} [open] makes the WebSocket
 * @property {() => number} [random] for tests
 *
 * @typedef {{kind: 'resync', oldest: string} | {kind: 'lagged', missed: number} |
 *   {kind: 'repeated', source: string, seq: string, last: string}} Gap
 *   `resync`: what came before `oldest` is no longer kept, read the state anew; `lagged`: this client was too slow, it comes back for
 *   what it has missed; `repeated`: an envelope that was seen before, and was dropped
 *
 * @typedef {{url: URL, query: object, wish: object, credential: {key?: string, ticket?: string}, cursor?: string, since?: string,
 *   signal: AbortSignal, heard: object, open: Options['open']}} Connection
 */

/** Begins to follow. @param {Options} options */
export function follow(options) {
  return new Feed(options)
}

/** A feed, until it is closed. */
export class Feed {
  #options
  #closing = new AbortController()
  #backoff
  #sequence = new Sequence()
  #cursor
  /** What the server asked to wait, once. */
  #hint
  #counters = { received: 0, reconnects: 0, gaps: 0, duplicates: 0 }
  /** What of that was reported. */
  #reported = { ...this.#counters }
  /** The age of the last envelope when it arrived, in milliseconds. */
  #latency

  /**
   * Settles when the feed has ended: after `close`, or with the error that makes it useless to go on.
   * @type {Promise<void>}
   */
  closed

  /** @param {Options} options */
  constructor(options) {
    if (typeof options.onEvent !== 'function') throw new TypeError('onEvent is needed')
    this.#options = { transport: 'sse', since: 'now', open: (url) => new WebSocket(url), ...options }
    this.#backoff = new Backoff(options.random)
    this.closed = this.#run()
    // Whoever does not look at it has `onState`.
    this.closed.catch(() => {})
  }

  /** Where it is: what `since` takes. Undefined until the server has told. */
  get cursor() {
    return this.#cursor
  }

  /** Numbers since the beginning. */
  get counters() {
    return { ...this.#counters }
  }

  /** What `POST /api/v1/telemetry` takes: numbers since the last report, and the latency of the last envelope, if it was a live one. */
  report() {
    const report = {}
    for (const [name, count] of Object.entries(this.#counters)) report[name] = count - this.#reported[name]
    this.#reported = { ...this.#counters }
    // What is older was fetched, not delivered.
    if (this.#latency <= 60_000) report.latency_ms = this.#latency
    return report
  }

  /** Ends it. Nothing is called any more, but for `onState`. */
  close() {
    this.#closing.abort()
    return this.closed
  }

  async #run() {
    for (;;) {
      let reason
      try {
        this.#state('connecting')
        reason = await this.#connection()
      } catch (error) {
        reason = error
      }
      if (this.#closing.signal.aborted) return this.#state('closed')
      if (reason?.final) {
        this.#state('closed', reason)
        throw reason
      }
      const wait = this.#backoff.next(Math.max(this.#hint ?? 0, reason?.retryAfter ?? 0))
      this.#hint = undefined
      this.#counters.reconnects++
      this.#state('waiting', { reason, wait })
      await pause(wait, this.#closing.signal)
      if (this.#closing.signal.aborted) return this.#state('closed')
    }
  }

  /** One connection to its end. */
  async #connection() {
    const { transport, types = [], subject = [], filter, coalesce, since } = this.#options
    const ending = new AbortController()
    const { signal } = ending
    // Not AbortSignal.any: in some versions of Node its signal is collected while it is waited for.
    const close = () => ending.abort()
    this.#closing.signal.addEventListener('abort', close, { once: true })
    let silence
    let ended
    const sign = () => {
      clearTimeout(silence)
      silence = setTimeout(() => ending.abort(new Error('silence')), SILENCE)
    }
    const heard = this.#heard(signal, sign, (reason) => (ended = reason))
    const wish = { types, subject, ...(filter && { filter }), ...(coalesce && { coalesce }) }
    const query = { types: types.join(','), subject: subject.join(',') }
    if (filter) query.filter = JSON.stringify(filter)
    if (coalesce) query.coalesce = 'true'
    if (!this.#cursor) query.since = since
    sign()
    try {
      const credential = await this.#credential()
      if (signal.aborted) return undefined
      // A mark of a ticket is good with that ticket only.
      const cursor = credential.ticket ? this.#cursor?.split('~')[0] : this.#cursor
      const connect = transport === 'ws' ? overWebSocket : overEvents
      await connect({ ...this.#options, url: new URL(this.#options.url), query, wish, credential, cursor, signal, heard })
      return ended
    } finally {
      clearTimeout(silence)
      this.#closing.signal.removeEventListener('abort', close)
      ending.abort()
    }
  }

  async #credential() {
    const { key, ticket } = this.#options
    if (ticket) return { ticket: await ticket() }
    return { key: typeof key === 'function' ? await key() : key }
  }

  /** What a connection tells. */
  #heard(signal, sign, end) {
    const position = (cursor) => {
      if (!cursor || signal.aborted) return
      this.#cursor = cursor
      this.#backoff.reset()
    }
    const envelope = (envelope, cursor) => {
      if (signal.aborted) return
      const repeated = this.#sequence.check(envelope)
      if (repeated) {
        this.#counters.duplicates++
        this.#call('onGap', { kind: 'repeated', ...repeated })
      } else {
        this.#counters.received++
        this.#latency = Math.max(0, Date.now() - Date.parse(envelope.time))
        this.#call('onEvent', envelope, cursor)
      }
      // What was not taken is not behind us.
      position(cursor)
    }
    const told = (name, data, cursor) => {
      if (signal.aborted) return
      position(cursor)
      if (name === 'end') return end(new Error(`the node ended the stream: ${data.reason}`))
      this.#counters.gaps++
      if (name === 'lagged') return this.#call('onGap', { kind: 'lagged', missed: data.missed })
      this.#sequence.reset()
      this.#call('onGap', { kind: 'resync', oldest: data.oldest })
    }
    let isOpen = false
    const opened = (cursor) => {
      if (!isOpen) this.#state('open')
      isOpen = true
      position(cursor)
    }
    return { sign, retry: (hint) => (this.#hint = hint), position: opened, envelope, told }
  }

  /** Calls what was given for it. What that throws ends the feed: it cannot be known what became of the envelope. */
  #call(name, ...given) {
    try {
      this.#options[name]?.(...given)
    } catch (error) {
      throw new CallbackFailed(name, error)
    }
  }

  #state(state, detail) {
    this.#options.onState?.(state, detail)
  }
}

/** What was called has thrown; `cause` says what. */
class CallbackFailed extends Error {
  final = true

  constructor(name, cause) {
    super(`${name} has thrown`, { cause })
    this.name = 'CallbackFailed'
  }
}

/** Waits, or until the signal. */
function pause(wait, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, wait)
    signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true })
  })
}
