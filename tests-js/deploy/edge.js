// A node behind a proxy, with the gateway's clients in front: raw streams, WebSockets, a browser.

import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import path from 'node:path'

import { Relay, binary, event, generateSecretKey, startNodeIn } from '../node.js'
import { until } from './tools.js'

const SCOPE = 'events:nostr:read'

/** A node on a Unix socket that believes its proxy, and whose streams have no bounds but those that are given. */
export class Subject {
  #author = generateSecretKey()

  constructor(folder, origin, bounds, further = '') {
    this.folder = folder
    this.socket = path.join(folder, 'node.sock')
    const all = { per_ip: 0, per_principal: 0, opened_per_second: 0, keep_alive_seconds: 1, ...bounds }
    const lines = Object.entries(all).map(([name, value]) => `${name} = ${value}`)
    const text = `[[server.listeners]]
name = "proxy"
bind = "unix:${this.socket}"
trusted_proxies = ["unix"]

[gateway]
origins = ["${origin}"]

[gateway.streams]
${lines.join('\n')}
${further}`
    writeFileSync(path.join(folder, 'stentor.toml'), text)
  }

  async start() {
    this.node = await startNodeIn(this.folder, '--config', path.join(this.folder, 'stentor.toml'))
  }

  /** An API key that the running node knows. */
  async key() {
    const args = ['admin', 'keys', 'create', '--name', 'edge', '--scope', SCOPE, '--json', '--data', this.folder]
    const made = spawnSync(binary, args, { encoding: 'utf8' })
    if (made.status !== 0) throw new Error(made.stderr)
    const { key } = JSON.parse(made.stdout)
    const answer = () => fetch(`${this.#direct()}/api/v1/events/history`, { headers: { authorization: `Bearer ${key}` } })
    await until('the key to be known', async () => (await answer()).status === 200)
    return key
  }

  /** A ticket for a browser. */
  async ticket(key) {
    const body = JSON.stringify({ surface: 'sse' })
    const answer = await fetch(`${this.#direct()}/api/v1/tickets`, { method: 'POST', body, headers: { authorization: `Bearer ${key}` } })
    if (!answer.ok) throw new Error(`${answer.status}: ${await answer.text()}`)
    return (await answer.json()).ticket
  }

  /** Publishes notes with these contents, one after the other. */
  async publish(...contents) {
    const relay = await Relay.connect(this.node.url)
    for (const content of contents) await relay.publish(event(this.#author, { content }))
    relay.close()
  }

  #direct() {
    return this.node.url.replace('ws://', 'http://')
  }
}

/** An answer through the proxy; `answer.body` grows, `answer.ended` tells when it is whole. */
export async function get(proxy, target, { key, localAddress, ...headers } = {}) {
  if (key) headers.authorization = `Bearer ${key}`
  headers['accept-encoding'] = 'gzip'
  const asked = https.get(proxy.origin + target, { headers, localAddress, agent: false, rejectUnauthorized: false })
  const [message] = await once(asked, 'response')
  const answer = { status: message.statusCode, headers: message.headers, body: '', close: () => asked.destroy() }
  message.setEncoding('utf8').on('data', (data) => (answer.body += data))
  answer.ended = new Promise((resolve) => message.once('close', resolve))
  message.on('error', () => {})
  asked.on('error', () => {})
  return answer
}

/** The page whose EventSource is looked at, from an origin of its own. */
export async function startPage() {
  const text = '<!doctype html><title>edge</title>'
  const server = http.createServer((_, answer) => answer.setHeader('content-type', 'text/html').end(text))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const origin = `http://127.0.0.1:${server.address().port}`
  const stop = () => {
    server.close()
    server.closeAllConnections?.()
  }
  return { origin, stop }
}

/** Makes an EventSource in a page; what comes of it is asked for by `watch`. */
export const follow = (url) => `
  window.seen = []; window.errors = 0
  window.source = new EventSource(${JSON.stringify(url)})
  source.onmessage = ({ data }) => seen.push(JSON.parse(data).data.content)
  source.onerror = () => errors++
  0`

export const watch = '({ seen, errors, state: source.readyState })'
