// Webhooks of the real node, verified by receivers in JavaScript: `v1` with the library of Standard Webhooks, `v1a`, which that library
// passes over, with node:crypto.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createPublicKey, verify } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { Webhook, WebhookVerificationError } from 'standardwebhooks'

import { Relay, binary, event, generateSecretKey, startNode } from '../node.js'

const alice = generateSecretKey()
let node
let relay
let key
let receiver

/** A receiver that keeps what comes until it is asked for. */
async function startReceiver() {
  const arrived = []
  const waiting = []
  const server = createServer((request, response) => {
    const parts = []
    request.on('data', (part) => parts.push(part))
    request.on('end', () => {
      const message = { headers: request.headers, body: Buffer.concat(parts).toString() }
      response.writeHead(204).end()
      waiting.length > 0 ? waiting.shift()(message) : arrived.push(message)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    next: () => (arrived.length > 0 ? arrived.shift() : new Promise((resolve) => waiting.push(resolve))),
    close: () => server.close(),
  }
}

/** A call of the interface; the JSON of the answer. */
async function call(method, path, body, status) {
  const headers = { authorization: `Bearer ${key}` }
  const url = node.url.replace('ws://', 'http://').replace(/\/$/, '') + '/api/v1/webhooks' + path
  const response = await fetch(url, { method, headers, body: body && JSON.stringify(body) })
  const text = await response.text()
  assert.equal(response.status, status, text)
  return text ? JSON.parse(text) : undefined
}

/** Publishes a note, and gives the message that tells of it. */
async function told(content) {
  await relay.publish(event(alice, { content }))
  const message = await receiver.next()
  assert.equal(JSON.parse(message.body).data.content, content)
  return message
}

before(async () => {
  node = await startNode('--set', 'outbound.allow=["127.0.0.0/8"]')
  const scopes = 'webhooks:manage,events:nostr:read'
  const args = ['--data', node.folder, 'admin', 'keys', 'create', '--name', 'test', '--scope', scopes, '--json']
  const { stdout } = await promisify(execFile)(binary, args)
  key = JSON.parse(stdout).key
  relay = await Relay.connect(node.url)
  receiver = await startReceiver()
})

after(async () => {
  relay?.close()
  receiver?.close()
  assert.equal(await node.stop(), 0)
})

test('g4_2 v1 is verified by the library, also while the secret is replaced', async () => {
  const made = await call('POST', '', { url: receiver.url, types: ['nostr.event.stored'] }, 201)
  const first = new Webhook(made.secret)
  const message = await told('one "quoted" \u{1f980}')
  const envelope = first.verify(message.body, message.headers)
  assert.equal(envelope.type, 'nostr.event.stored')
  assert.match(message.headers['content-type'], /^application\/json/)
  const forged = message.body.replace('one', 'two')
  assert.throws(() => first.verify(forged, message.headers), WebhookVerificationError)
  const rotated = await call('POST', `/${made.id}/secret/rotate`, {}, 200)
  const second = new Webhook(rotated.secret)
  assert.throws(() => second.verify(message.body, message.headers), WebhookVerificationError)
  let both
  // What was begun before the change is signed as before.
  do both = await told(`rotated ${Math.random()}`)
  while (both.headers['webhook-signature'].split(' ').length < 2)
  first.verify(both.body, both.headers)
  second.verify(both.body, both.headers)
  await call('DELETE', `/${made.id}`, undefined, 204)
})

test('g4_2 v1a is verified with the public key alone', async () => {
  const made = await call('POST', '', { url: receiver.url, types: ['nostr.event.stored'], scheme: 'v1a' }, 201)
  assert.ok(made.secret.startsWith('whpk_'))
  const raw = Buffer.from(made.secret.slice('whpk_'.length), 'base64')
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: raw.toString('base64url') }
  const publicKey = createPublicKey({ key: jwk, format: 'jwk' })
  const { headers, body } = await told('signed with a key pair')
  const [version, signature] = headers['webhook-signature'].split(',')
  assert.equal(version, 'v1a')
  const content = (text) => Buffer.from(`${headers['webhook-id']}.${headers['webhook-timestamp']}.${text}`)
  const isGood = (text) => verify(null, content(text), publicKey, Buffer.from(signature, 'base64'))
  assert.ok(isGood(body))
  assert.ok(!isGood(body + ' '))
})

test('g5_4 a webhook cannot lead inside', async () => {
  for (const url of ['http://10.0.0.1/', 'http://[::1]/', 'http://localhost/', 'http://169.254.169.254/']) {
    const problem = await call('POST', '', { url }, 400)
    assert.match(problem.detail, /^url: /)
  }
})

test('g7 what is sent is counted', async () => {
  const url = new URL('/metrics', node.operations)
  const text = await (await fetch(url)).text()
  assert.match(text, /^stentor_gateway_webhook_attempts_total\{outcome="taken"\} \d+$/m)
  for (const name of ['latency_seconds_count', 'outstanding', 'dead_letters', 'endpoints{state="enabled"}']) {
    assert.ok(text.includes(`\nstentor_gateway_webhook_${name} `), `${name} in ${text.slice(0, 200)}`)
  }
})
