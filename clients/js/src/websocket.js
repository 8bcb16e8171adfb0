// One connection over a WebSocket, with one subscription.

/** How often the server is asked whether it is there, in milliseconds: a browser does not show the pings of WebSockets. */
const PING = 15_000
/** The name of the subscription. */
const ID = 'feed'

/**
 * Follows until the connection ends. Why an upgrade is refused is not told to programs, so that everything but an `error` may be tried
 * again.
 * @param {import('./feed.js').Connection} connection
 */
export function overWebSocket({ url, wish, credential, cursor, since, signal, heard, open }) {
  const target = new URL('api/v1/ws', url)
  target.protocol = target.protocol.replace('http', 'ws')
  if (credential.ticket) target.searchParams.set('ticket', credential.ticket)
  const socket = open(String(target), credential)
  const ping = setInterval(() => socket.readyState === 1 && socket.send('{"op":"ping"}'), PING)
  return new Promise((resolve, reject) => {
    const end = (settle, reason) => {
      clearInterval(ping)
      signal.removeEventListener('abort', close)
      socket.close(1000)
      settle(reason)
    }
    // The other side's answer is not waited for: it may be gone.
    const close = () => end(resolve)
    signal.addEventListener('abort', close, { once: true })
    socket.onopen = () => {
      heard.sign()
      const begin = cursor ? { op: 'resume', cursor } : { op: 'subscribe', since }
      socket.send(JSON.stringify({ ...begin, id: ID, ref: ID, ...wish }))
    }
    socket.onmessage = ({ data }) => {
      heard.sign()
      try {
        tell(JSON.parse(data), heard)
      } catch (error) {
        end(reject, error)
      }
    }
    socket.onerror = () => {}
    socket.onclose = () => end(resolve)
    if (signal.aborted) close()
  })
}

/** Thrown for an `error` frame: the subscription is wrong or not allowed. */
export class Rejected extends Error {
  final = true

  constructor({ code, detail }) {
    super(`${code}: ${detail}`)
    this.name = 'Rejected'
    this.code = code
  }
}

function tell(frame, heard) {
  switch (frame.op) {
    case 'position':
      return heard.position(frame.cursor)
    case 'event':
      return heard.envelope(frame.event, frame.cursor)
    case 'resync_required':
      return heard.told('resync_required', { oldest: frame.oldest }, frame.oldest)
    case 'lagged':
      return heard.told('lagged', { missed: frame.missed })
    case 'end':
      return heard.told('end', { reason: frame.reason })
    case 'error':
      throw new Rejected(frame)
    // `subscribed`, `pong`, and what a later server says besides.
  }
}
