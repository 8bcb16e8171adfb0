// The real node behind the proxies of deploy/proxy: what streams and WebSockets need of them, and what a browser's own EventSource
// does when the node restarts.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, describe, test } from 'node:test'
import tls from 'node:tls'

import { WebSocket } from '../node.js'
import { chromium, startBrowser } from './browser.js'
import { Subject, follow, get, startPage, watch } from './edge.js'
import { proxies } from './proxies.js'
import { until, workFolder } from './tools.js'

/** Streams that are held at once. */
const HELD = 40
const EVENTS = '/api/v1/events'
/** EventSource.CONNECTING: it will try again. */
const CONNECTING = 0
const CLOSED = 2

for (const [name, start] of Object.entries(proxies)) {
  describe(`behind ${name}`, { skip: !start && `no ${name} here` }, () => suite(name, start))
}

function suite(name, start) {
  let work, page, subject, proxy, key

  before(async () => {
    work = workFolder()
    page = await startPage()
    subject = new Subject(work.folder, page.origin, {})
    await subject.start()
    proxy = await start(work.folder, subject.socket)
    key = await subject.key()
  })

  after(async () => {
    await proxy?.stop()
    await subject?.node.stop()
    page?.stop()
    work?.remove()
  })

  test('idle streams are held, and what comes is not kept back', async () => {
    const streams = await Promise.all(Array.from({ length: HELD }, () => get(proxy, EVENTS, { key })))
    for (const { status, headers } of streams) {
      assert.equal(status, 200)
      assert.match(headers['content-type'], /^text\/event-stream/)
      assert.equal(headers['content-encoding'], undefined)
    }
    // Comments of single bytes arrive one by one.
    const comments = ({ body }) => body.split('\n').filter((line) => line.startsWith(':')).length
    await until('two comments in each', () => streams.every((stream) => comments(stream) >= 2))
    await subject.publish('unbuffered')
    await until('the event in each', () => streams.every(({ body }) => body.includes('"unbuffered"')))
    for (const { close } of streams) close()
  })

  test('a WebSocket lasts, and is told of a restart', async () => {
    const socket = new WebSocket(proxy.origin.replace('https', 'wss') + '/api/v1/ws', { headers: { authorization: `Bearer ${key}` }, rejectUnauthorized: false })
    const frames = []
    socket.on('message', (data) => frames.push(JSON.parse(data)))
    await once(socket, 'open')
    socket.send('{"op":"subscribe","id":"a"}')
    await until('the position', () => frames.some(({ op }) => op === 'position'))
    await subject.publish('by WebSocket')
    await until('the event', () => frames.some(({ op, event }) => op === 'event' && event.data.content === 'by WebSocket'))
    const closed = once(socket, 'close')
    await subject.node.stop()
    const [code] = await closed
    assert.equal(code, 1012)
    await subject.start()
  })

  /** What is answered while the node is away. */
  async function away() {
    const hints = new Set()
    for (let number = 0; number < 24; number++) {
      const answer = await get(proxy, EVENTS, { key, origin: page.origin })
      await answer.ended
      assert.equal(answer.status, 200)
      assert.match(answer.headers['content-type'], /^text\/event-stream/)
      assert.equal(answer.headers['access-control-allow-origin'], '*')
      const [, hint] = /^retry: (\d+)\n\n$/.exec(answer.body) ?? assert.fail(answer.body)
      hints.add(Number(hint))
    }
    // The chance of one only is 8^-23.
    assert.ok(hints.size > 1, 'the hints are spread')
    assert.ok([...hints].every((hint) => hint >= 1000 && hint <= 8000))
    for (const target of ['/', '/api/v1/events/history', '/api/v1/ws']) {
      const answer = await get(proxy, target, { key })
      assert.equal(answer.status, 502, target)
      answer.close()
    }
  }

  test('while the node is away, a stream is an empty one with a hint; anything else is an error', async () => {
    await subject.node.stop()
    try {
      await away()
    } finally {
      await subject.start()
    }
  })

  test('a refusal that is final stays one', async () => {
    const answer = await get(proxy, EVENTS)
    assert.equal(answer.status, 401)
    answer.close()
  })

  test('sessions of TLS are resumed', async () => {
    const options = { port: proxy.port, host: '127.0.0.1', rejectUnauthorized: false, maxVersion: 'TLSv1.2' }
    const first = tls.connect(options)
    const [session] = await once(first, 'session')
    first.end()
    const second = tls.connect({ ...options, session })
    await once(second, 'secureConnect')
    assert.ok(second.isSessionReused())
    second.end()
  })

  describe("a browser's own EventSource", { skip: !chromium && 'no Chromium here' }, () => {
    let browser, folder
    const expected = []
    const publish = (...contents) => (expected.push(...contents), subject.publish(...contents))
    const seen = (what) => until(what, async () => (await browser.evaluate(watch)).seen.length >= expected.length)

    before(async () => {
      folder = workFolder()
      browser = await startBrowser(folder.folder, page.origin)
      await until('the page', () => browser.evaluate('document.title === "edge"'))
      await browser.evaluate(follow(`${proxy.origin}${EVENTS}?ticket=${await subject.ticket(key)}`))
      await until('the stream', async () => (await browser.evaluate(watch)).state === 1)
    })

    after(async () => {
      await browser?.stop()
      folder?.remove()
    })

    for (const [how, end] of [['restarted', () => subject.node.stop()], ['killed', () => subject.node.kill()]]) {
      test(`tries again while the node is away, and has missed nothing when it was ${how}`, async () => {
        await publish(`${how}: before, one`, `${how}: before, two`)
        await seen('what came before')
        const { errors } = await browser.evaluate(watch)
        await end()
        // The end of the stream, and attempts that the proxy has answered.
        await until('two attempts', async () => {
          const now = await browser.evaluate(watch)
          assert.notEqual(now.state, CLOSED, 'it has given up')
          return now.errors >= errors + 3 && now.state === CONNECTING
        })
        await subject.start()
        await publish(`${how}: after, one`, `${how}: after, two`)
        await seen('what came while it was away')
        assert.deepEqual((await browser.evaluate(watch)).seen, expected)
      })
    }
  })

  // Last, as a node with other bounds takes over.
  test('the bounds of addresses are those of the clients, who cannot choose theirs', async () => {
    await subject.node.stop()
    subject = new Subject(work.folder, page.origin, { per_ip: 2 })
    await subject.start()
    const open = async (localAddress, claimed) => {
      const stream = await get(proxy, EVENTS, { key, localAddress, 'x-forwarded-for': claimed })
      await until('the first words', () => stream.body !== '')
      return stream
    }
    const one = await open('127.0.0.2', '192.0.2.1')
    const two = await open('127.0.0.2', '192.0.2.2')
    const refused = await open('127.0.0.2', '192.0.2.3')
    assert.match(refused.body, /^retry: \d+\n\n/)
    await refused.ended
    const other = await open('127.0.0.3', '192.0.2.1')
    assert.match(other.body, /^id: /)
    for (const stream of [one, two, other]) stream.close()
  })

  test('a flood stays outside', { skip: name !== 'nginx' && 'Caddy has no limits of its own' }, async () => {
    const some = (target) => Promise.all(Array.from({ length: 200 }, () => get(proxy, target, { localAddress: '127.0.0.4' })))
    const count = async (target, status) => {
      const answers = await some(target)
      for (const { close } of answers) close()
      return answers.filter((answer) => answer.status === status).length
    }
    assert.ok((await count('/api/v1/ws', 429)) > 50)
    // To an EventSource that is no end either.
    assert.ok((await count(EVENTS, 200)) > 50)
    assert.equal(await count('/', 429), 0)
  })
}
