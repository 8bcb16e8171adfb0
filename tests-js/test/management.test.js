// NIP-86 as a client in JavaScript speaks it: made from the NIP's text, signed with the NIP-98 of nostr-tools.

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, test } from 'node:test'

import { Relay, event, finalizeEvent, generateSecretKey, getPublicKey, startNode, stored } from '../node.js'

const { getToken } = await import('nostr-tools/nip98')

const admin = generateSecretKey()
const alice = generateSecretKey()
let node
let relay

before(async () => {
  node = await startNode('--set', `relay.access.admins=[{ key = "${getPublicKey(admin)}" }]`)
  relay = await Relay.connect(node.url)
})

after(async () => {
  relay?.close()
  assert.equal(await node.stop(), 0)
})

/** Calls a method; the status and the body of the answer. */
async function call(secret, method, params = []) {
  const url = node.url.replace('ws://', 'http://')
  const request = { method, params }
  const body = JSON.stringify(request)
  const sign = async (template) => finalizeEvent(template, secret)
  const authorization = await getToken(url, 'POST', sign, true, request)
  const payload = JSON.parse(Buffer.from(authorization.slice(6), 'base64')).tags.find((tag) => tag[0] === 'payload')
  assert.equal(payload[1], createHash('sha256').update(body).digest('hex'))
  const headers = { 'content-type': 'application/nostr+json+rpc', authorization }
  const response = await fetch(url, { method: 'POST', headers, body })
  return { status: response.status, ...(await response.json()) }
}

test('r3_2 an admin bans a key, and takes it back', async () => {
  const note = event(alice, { content: 'unwanted' })
  await relay.publish(note)
  const key = getPublicKey(alice)
  assert.deepEqual(await call(admin, 'banpubkey', [key, 'spam']), { status: 200, result: true })
  assert.deepEqual((await call(admin, 'listbannedpubkeys')).result, [{ pubkey: key, reason: 'spam' }])
  assert.deepEqual(await stored(relay, [{ authors: [key] }]), [])
  await assert.rejects(relay.publish(event(alice, { content: 'again' })), /blocked:/)
  assert.deepEqual(await call(admin, 'unbanpubkey', [key]), { status: 200, result: true })
  await relay.publish(event(alice, { content: 'welcome back' }))
})

test('r3_2 nobody else manages anything', async () => {
  const refused = await call(alice, 'banpubkey', [getPublicKey(admin)])
  assert.equal(refused.status, 403)
  assert.equal(typeof refused.error, 'string')
})

test('r3_2 browsers may ask from any page', async () => {
  const response = await fetch(node.url.replace('ws://', 'http://'), {
    method: 'OPTIONS',
    headers: {
      origin: 'https://admin.example.com',
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization,content-type',
    },
  })
  assert.equal(response.headers.get('access-control-allow-origin'), '*')
  assert.match(response.headers.get('access-control-allow-headers'), /authorization/)
})

test('r3_2 every method that is said to be supported is', async () => {
  const { result } = await call(admin, 'supportedmethods')
  assert.equal(result.length, 24)
  for (const method of result.filter((name) => name.startsWith('list'))) {
    const listed = await call(admin, method)
    assert.equal(listed.status, 200)
    assert.ok(Array.isArray(listed.result), method)
  }
})
