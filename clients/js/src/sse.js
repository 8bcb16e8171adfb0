// One connection over Server-Sent Events: by fetch, as an EventSource can neither send a credential nor tell why it has ended.

import { EventStreamParser } from './event-stream.js'
import { Refused } from './refused.js'

/**
 * Follows until the end of the stream.
 * @param {import('./feed.js').Connection} connection
 */
export async function overEvents({ url, query, credential, cursor, signal, heard }) {
  const target = new URL('api/v1/events', url)
  for (const [name, value] of Object.entries(query)) target.searchParams.set(name, value)
  const headers = { accept: 'text/event-stream' }
  if (credential.key) headers.authorization = `Bearer ${credential.key}`
  if (credential.ticket) target.searchParams.set('ticket', credential.ticket)
  // A new ticket has no stream yet that could go on: it begins where the old one ended.
  if (cursor && credential.ticket) target.searchParams.set('since', cursor)
  else if (cursor) headers['last-event-id'] = cursor
  const answer = await fetch(target, { headers, signal, cache: 'no-store', redirect: 'error' })
  heard.sign()
  if (answer.status !== 200) {
    await answer.body?.cancel()
    throw new Refused(answer.status, 1_000 * Number(answer.headers.get('retry-after')) || undefined)
  }
  const parser = new EventStreamParser()
  const text = new TextDecoder()
  const reader = answer.body.getReader()
  // Once the head has come, `fetch` does not hold on to the signal everywhere.
  const cancel = () => reader.cancel().catch(() => {})
  signal.addEventListener('abort', cancel, { once: true })
  if (signal.aborted) cancel()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    heard.sign()
    for (const event of parser.push(text.decode(value, { stream: true }))) tell(event, heard)
  }
}

function tell({ name, id, data, retry }, heard) {
  switch (name) {
    case 'retry':
      return heard.retry(retry)
    case 'position':
      return heard.position(id)
    case 'message':
      return heard.envelope(JSON.parse(data), id)
    case 'resync_required':
    case 'lagged':
    case 'end':
      return heard.told(name, JSON.parse(data), id)
    // What a later server says besides is not for this client.
  }
}
