import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import { Relay, SimplePool, WebSocket, authenticated, event, follow, generateSecretKey, getPublicKey, startNode, stored } from '../node.js'

let node
let relay
const alice = generateSecretKey()
const bob = generateSecretKey()

before(async () => {
  node = await startNode()
  relay = await Relay.connect(node.url)
})

after(async () => {
  relay?.close()
  assert.equal(await node.stop(), 0)
})

test('publishes and queries', async () => {
  const notes = [1, 2, 3].map((number) => event(alice, { content: `note ${number} "ünï"\n`, tags: [['t', 'publishing']] }))
  for (const note of notes) await relay.publish(note)
  const found = await stored(relay, [{ authors: [getPublicKey(alice)], '#t': ['publishing'], limit: 2 }])
  assert.deepEqual(found.map((found) => found.id), [notes[2].id, notes[1].id])
  assert.equal(found[0].content, 'note 3 "ünï"\n')
  assert.deepEqual(await stored(relay, [{ ids: [notes[0].id] }]).then((events) => events.map((found) => found.sig)), [notes[0].sig])
})

test('accepts what it has already, refuses what is forged', async () => {
  const note = event(alice, { content: 'once' })
  await relay.publish(note)
  assert.match(await relay.publish(note), /^duplicate:/)
  await assert.rejects(relay.publish({ ...note, content: 'twice' }), /invalid:/)
})

test('follows live, after what is stored', async () => {
  const first = event(bob, { content: 'stored', tags: [['t', 'live']] })
  await relay.publish(first)
  const reader = await Relay.connect(node.url)
  const following = await follow(reader, [{ '#t': ['live'] }])
  assert.equal((await following.next()).id, first.id)
  for (let number = 0; number < 20; number++) {
    const note = event(bob, { content: `live ${number}`, tags: [['t', 'live']] })
    await relay.publish(note)
    assert.equal((await following.next()).id, note.id)
  }
  following.close()
  reader.close()
})

test('keeps the newest profile only', async () => {
  const older = event(alice, { kind: 0, content: '{"name":"a"}' })
  const newer = event(alice, { kind: 0, content: '{"name":"b"}' })
  await relay.publish(newer)
  await assert.rejects(relay.publish(older), /duplicate:/)
  const found = await stored(relay, [{ kinds: [0], authors: [getPublicKey(alice)] }])
  assert.deepEqual(found.map((found) => found.content), ['{"name":"b"}'])
})

test('deletes', async () => {
  const note = event(alice, { content: 'regretted' })
  await relay.publish(note)
  const request = event(alice, { kind: 5, tags: [['e', note.id]] })
  await relay.publish(request)
  assert.deepEqual(await stored(relay, [{ ids: [note.id] }]), [])
  await assert.rejects(relay.publish(note), /blocked:/)
  assert.equal((await stored(relay, [{ ids: [request.id] }])).length, 1)
  // Nobody deletes for somebody else.
  const other = event(bob, { content: 'kept' })
  await relay.publish(other)
  await relay.publish(event(alice, { kind: 5, tags: [['e', other.id]] }))
  assert.equal((await stored(relay, [{ ids: [other.id] }])).length, 1)
})

test('authenticates, and shows private messages to their parties only', async () => {
  const carol = generateSecretKey()
  const secret = event(alice, { kind: 4, content: 'for carol', tags: [['p', getPublicKey(carol)]] })
  await relay.publish(secret)
  const filter = [{ kinds: [4], '#p': [getPublicKey(carol)] }]
  await assert.rejects(stored(relay, filter), /auth-required:/)

  const reader = await authenticated(node.url, carol)
  const found = await stored(reader, filter)
  assert.deepEqual(found.map((found) => found.content), ['for carol'])
  reader.close()

  const stranger = await authenticated(node.url, bob)
  const seen = await stored(stranger, [...filter, { authors: [getPublicKey(alice)], kinds: [0, 4] }]).catch((error) => error)
  const kinds = seen instanceof Error ? [] : seen.map((seen) => seen.kind)
  assert.ok(!kinds.includes(4))
  stranger.close()
})

test('counts', async () => {
  for (let number = 0; number < 7; number++) {
    await relay.publish(event(bob, { content: `${number}`, tags: [['t', 'counting']] }))
  }
  assert.equal(await relay.count([{ '#t': ['counting'] }], {}), 7)
  assert.equal(await relay.count([{ '#t': ['counting'], limit: 2 }, { '#t': ['nothing'] }], {}), 7)
})

test('passes ephemeral events on and keeps none', async () => {
  const reader = await Relay.connect(node.url)
  const following = await follow(reader, [{ kinds: [20001] }])
  const passing = event(alice, { kind: 20001, content: 'hello' })
  await relay.publish(passing)
  assert.equal((await following.next()).id, passing.id)
  assert.deepEqual(await stored(relay, [{ kinds: [20001] }]), [])
  following.close()
  reader.close()
})

test('works with a pool, compressed', async () => {
  const pool = new SimplePool()
  const note = event(bob, { content: 'pooled '.repeat(500), tags: [['t', 'pool']] })
  await Promise.all(pool.publish([node.url], note))
  const found = await pool.querySync([node.url], { '#t': ['pool'] })
  assert.deepEqual(found.map((found) => found.content), [note.content])
  pool.close([node.url])

  const socket = new WebSocket(node.url, { perMessageDeflate: true })
  const answer = new Promise((resolve, reject) => {
    socket.on('open', () => socket.send(JSON.stringify(['REQ', 'x', { ids: [note.id] }])))
    socket.on('message', (data) => {
      const message = JSON.parse(data.toString())
      if (message[0] === 'EVENT') resolve(message[2])
    })
    socket.on('error', reject)
  })
  assert.equal((await answer).content, note.content)
  assert.equal(socket.extensions, 'permessage-deflate')
  socket.close()
})

test('describes itself', async () => {
  const answer = await fetch(node.url.replace('ws:', 'http:'), { headers: { accept: 'application/nostr+json' } })
  assert.equal(answer.headers.get('access-control-allow-origin'), '*')
  const document = await answer.json()
  for (const nip of [1, 9, 11, 40, 42, 45, 62, 67, 70]) assert.ok(document.supported_nips.includes(nip), `NIP-${nip}`)
  assert.match(document.self, /^[0-9a-f]{64}$/)
  assert.equal((await fetch(`${node.operations}/health/ready`)).status, 200)
  assert.match(await (await fetch(`${node.operations}/metrics`)).text(), /stentor_/)
})

// R1.11, R1.13: without a configured public URL, the address that the node listens on names it.
test('vanishes', async () => {
  const carol = generateSecretKey()
  const note = event(carol, { content: 'to be forgotten' })
  await relay.publish(note)
  await relay.publish(event(carol, { kind: 62, tags: [['relay', 'wss://somewhere.else.example']] }))
  assert.equal((await stored(relay, [{ ids: [note.id] }])).length, 1)
  const request = event(carol, { kind: 62, tags: [['relay', node.url]] })
  await relay.publish(request)
  assert.deepEqual(await stored(relay, [{ ids: [note.id] }]), [])
  await assert.rejects(relay.publish(note), /blocked:/)
  assert.ok((await stored(relay, [{ ids: [request.id] }])).length === 1)
})
