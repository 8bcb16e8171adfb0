// The reference client in clients/js: its parser in whatever pieces the stream comes, its waits, and the real node restarted and killed
// under it.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import http from 'node:http'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'

import { Backoff, EventStreamParser, Refused, follow } from '../../clients/js/src/index.js'
import { Relay, WebSocket, binary, event, generateSecretKey, startNodeIn } from '../node.js'

const PATIENCE = 60_000

test('g6_4 a stream gives the same events in whatever pieces it comes', () => {
  const stream = '\uFEFFretry: 1500\r\n\r\n: quiet\n\nid: 7\nevent: lagged\ndata: {"missed":1}\r\rid: 8\n\ndata: a\r\ndata:b\ndata\n\nid: 9\ndata: ü\n\n'
  const whole = new EventStreamParser().push(stream)
  const expected = [
    { name: 'retry', retry: 1500 },
    { name: 'lagged', id: '7', data: '{"missed":1}' },
    { name: 'position', id: '8' },
    { name: 'message', id: undefined, data: 'a\nb\n' },
    { name: 'message', id: '9', data: 'ü' },
  ]
  assert.deepEqual(whole, expected)
  for (let first = 0; first <= stream.length; first++) {
    for (let second = first; second <= stream.length; second++) {
      const parser = new EventStreamParser()
      const pieces = [stream.slice(0, first), stream.slice(first, second), stream.slice(second)]
      assert.deepEqual(pieces.flatMap((piece) => parser.push(piece)), expected, `${first}, ${second}`)
    }
  }
})

test('g6_4 an endless event is refused', () => {
  const parser = new EventStreamParser()
  const much = `data: ${'x'.repeat(1 << 20)}\n`
  assert.throws(() => Array.from({ length: 8 }, () => parser.push(much)), RangeError)
  assert.throws(() => new EventStreamParser().push('x'.repeat(5 << 20)), RangeError)
})

test('g6_4 waits double from one second to thirty, with full jitter, and are never shorter than the server asks', () => {
  const longest = new Backoff(() => 1)
  assert.deepEqual(Array.from({ length: 7 }, () => longest.next()), [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000])
  longest.reset()
  assert.equal(longest.next(), 1_000)
  const shortest = new Backoff(() => 0)
  assert.equal(shortest.next(), 0)
  assert.equal(shortest.next(4_000), 4_000)
  assert.equal(shortest.next(1e12), 300_000)
})

/** A door whose address stays while the node behind it comes and goes. */
async function startDoor() {
  let behind
  const server = net.createServer((client) => {
    client.on('error', () => {})
    if (!behind) return client.destroy()
    const inside = net.connect(behind, '127.0.0.1')
    for (const [one, other] of [[client, inside], [inside, client]]) {
      one.on('error', () => other.destroy()).on('close', () => other.destroy())
      one.pipe(other)
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { url: `http://127.0.0.1:${server.address().port}`, leadTo: (port) => (behind = port), stop: () => server.close() }
}

/** A feed whose envelopes can be waited for. */
function watched(options) {
  const seen = []
  const gaps = []
  let wake = () => {}
  const noted = (list) => (one) => (list.push(one), wake())
  const states = []
  const feed = follow({ onEvent: (envelope) => noted(seen)(envelope.data.content), onGap: noted(gaps), onState: (...state) => noted(states)(state), ...options })
  const until = async (what, holds) => {
    const late = setTimeout(() => wake('late'), PATIENCE)
    while (!holds()) assert.notEqual(await new Promise((resolve) => (wake = resolve)), 'late', `${what}: ${JSON.stringify({ seen, gaps, states })}`)
    clearTimeout(late)
  }
  return { feed, seen, gaps, states, until, open: () => until('the stream', () => states.some(([state]) => state === 'open')) }
}

/** As `ws` takes it: other than a browser's it sends headers. */
const open = (url, { key }) => new WebSocket(url, { headers: key ? { authorization: `Bearer ${key}` } : {} })

describe('with a node', () => {
  const author = generateSecretKey()
  let folder, node, door, key

  const start = async () => {
    node = await startNodeIn(folder, '--set', 'gateway.streams.per_principal=0')
    door.leadTo(new URL(node.url).port)
  }
  const publish = async (...contents) => {
    const relay = await Relay.connect(node.url)
    for (const content of contents) await relay.publish(event(author, { content }))
    relay.close()
  }
  const ticket = (surface) => async () => {
    const body = JSON.stringify({ surface })
    const answer = await fetch(`${door.url}/api/v1/tickets`, { method: 'POST', body, headers: { authorization: `Bearer ${key}` } })
    assert.ok(answer.ok, String(answer.status))
    return (await answer.json()).ticket
  }

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'stentor-client-'))
    door = await startDoor()
    await start()
    const args = ['admin', 'keys', 'create', '--name', 'client', '--scope', 'events:nostr:read,telemetry:write', '--json', '--data', folder]
    key = JSON.parse(spawnSync(binary, args, { encoding: 'utf8' }).stdout).key
    const known = async () => (await fetch(`${door.url}/api/v1/events/history`, { headers: { authorization: `Bearer ${key}` } })).ok
    while (!(await known())) await new Promise((resolve) => setTimeout(resolve, 20))
  })

  after(async () => {
    door.stop()
    assert.equal(await node.stop(), 0)
    await rm(folder, { recursive: true })
  })

  const ways = [
    ['SSE with a key', () => ({ key })],
    ['SSE with tickets', () => ({ ticket: ticket('sse') })],
    ['a WebSocket with a key', () => ({ transport: 'ws', key, open })],
    ['a WebSocket with tickets', () => ({ transport: 'ws', ticket: ticket('ws'), open })],
  ]
  for (const [name, options] of ways) {
    test(`g6_4 over ${name}, each envelope comes once through a restart and a kill`, async () => {
      const { feed, seen, gaps, states, until, open } = watched({ url: door.url, types: ['nostr.event.stored'], ...options() })
      await open()
      await publish('one', 'two')
      await until('live', () => seen.length === 2)
      for (const [end, expected] of [['stop', 4], ['kill', 6]]) {
        await node[end]()
        const waits = states.length
        await until('an attempt that fails', () => states.slice(waits).filter(([state]) => state === 'connecting').length > 1)
        await start()
        await publish(`after ${end}, one`, `after ${end}, two`)
        await until(end, () => seen.length >= expected)
      }
      assert.deepEqual(seen, ['one', 'two', 'after stop, one', 'after stop, two', 'after kill, one', 'after kill, two'])
      assert.deepEqual(gaps, [])
      assert.ok(feed.counters.reconnects >= 2)
      assert.equal(feed.counters.received, 6)
      await feed.close()
      assert.equal(states.at(-1)[0], 'closed')
    })
  }

  test('g6_4 what was kept of an older feed goes on', async () => {
    const first = watched({ url: door.url, key })
    await first.open()
    await publish('kept')
    await first.until('the envelope', () => first.seen.length === 1)
    const since = first.feed.cursor
    await first.feed.close()
    await publish('meanwhile')
    const second = watched({ url: door.url, key, since })
    await second.until('what came meanwhile', () => second.seen.length === 1)
    assert.deepEqual(second.seen, ['meanwhile'])
    const headers = { authorization: `Bearer ${key}` }
    const report = await fetch(`${door.url}/api/v1/telemetry`, { method: 'POST', headers, body: JSON.stringify(second.feed.report()) })
    assert.equal(report.status, 204)
    await second.feed.close()
  })

  test('g6_4 it is of no use to try again with a wrong key, types that there are not, or a program that throws', async () => {
    await assert.rejects(follow({ url: door.url, key: 'stk_wrong', onEvent() {} }).closed, (error) => error instanceof Refused && error.status === 401)
    await assert.rejects(follow({ url: door.url, key, types: ['nonsense'], onEvent() {} }).closed, { status: 400 })
    await assert.rejects(follow({ url: door.url, key, transport: 'ws', open, types: ['nonsense'], onEvent() {} }).closed, { code: 'malformed' })
    await assert.rejects(follow({ url: door.url, key, since: 'oldest', onEvent: () => assert.fail('thrown') }).closed, { name: 'CallbackFailed' })
  })
})

test('g6_4 gaps are told, doubles are dropped, and a hint of the server is the least wait', async () => {
  const envelope = (seq) => JSON.stringify({ source: '/nostr', seq: String(seq), time: new Date().toISOString(), data: { content: `${seq}` } })
  const answers = [
    `id: a\n\nid: b\ndata: ${envelope(5)}\n\nid: c\ndata: ${envelope(5)}\n\nid: d\ndata: ${envelope(4)}\n\nevent: lagged\ndata: {"missed":3}\n\n`,
    'retry: 1200\n\n',
    `id: e\nevent: resync_required\ndata: {"oldest":"e"}\n\nid: f\ndata: ${envelope(1)}\n\n`,
  ]
  const asked = []
  const server = http.createServer((request, answer) => {
    asked.push(request.headers['last-event-id'])
    answer.writeHead(200, { 'content-type': 'text/event-stream' }).end(answers.shift())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { feed, seen, gaps, states, until } = watched({ url: `http://127.0.0.1:${server.address().port}`, random: () => 0 })
  await until('the last envelope', () => seen.length === 2)
  await feed.close()
  server.close()
  server.closeAllConnections()
  assert.deepEqual(seen, ['5', '1'])
  const repeated = { kind: 'repeated', source: '/nostr', last: '5' }
  assert.deepEqual(gaps, [{ ...repeated, seq: '5' }, { ...repeated, seq: '4' }, { kind: 'lagged', missed: 3 }, { kind: 'resync', oldest: 'e' }])
  assert.deepEqual(asked.slice(0, 3), [undefined, 'd', 'd'])
  const waits = states.filter(([state]) => state === 'waiting').map(([, { wait }]) => wait)
  assert.deepEqual(waits.slice(0, 2), [0, 1200])
  const counted = { received: 2, reconnects: feed.counters.reconnects, gaps: 2, duplicates: 2 }
  assert.deepEqual(feed.counters, counted)
  const { latency_ms, ...report } = feed.report()
  assert.deepEqual(report, counted)
  assert.ok(latency_ms >= 0)
  assert.deepEqual(Object.values(feed.report()).slice(0, 4), [0, 0, 0, 0])
})
