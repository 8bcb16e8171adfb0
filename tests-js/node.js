// Starts the real binary on a data folder of its own and ports that the system chooses.

import { webcrypto } from 'node:crypto'
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import path from 'node:path'
import { createInterface } from 'node:readline'
import WebSocket from 'ws'

// Node 18 keeps it behind a flag; the libraries below expect what browsers have.
globalThis.crypto ??= webcrypto

const { Relay, useWebSocketImplementation } = await import('nostr-tools/relay')
const { finalizeEvent, generateSecretKey, getPublicKey } = await import('nostr-tools/pure')
const { SimplePool, useWebSocketImplementation: usePoolImplementation } = await import('nostr-tools/pool')
useWebSocketImplementation(WebSocket)
usePoolImplementation(WebSocket)

export { Relay, SimplePool, WebSocket, finalizeEvent, generateSecretKey, getPublicKey }

const here = path.dirname(fileURLToPath(import.meta.url))
export const binary = process.env.STENTOR_BINARY ?? path.join(here, '..', 'target', 'debug', 'stentor')

/** Starts a node in a folder that goes with it; `settings` are further arguments. */
export async function startNode(...settings) {
  const folder = await mkdtemp(path.join(tmpdir(), 'stentor-js-'))
  const node = await startNodeIn(folder, ...settings)
  const stop = async () => {
    const code = await node.stop()
    await rm(folder, { recursive: true, force: true })
    return code
  }
  return { ...node, stop }
}

/** Starts a node in a folder, which outlives it. */
export async function startNodeIn(folder, ...settings) {
  const args = ['serve', '--data', folder, '--listen', '127.0.0.1:0', '--ops-listen', '127.0.0.1:0', ...settings]
  const child = spawn(binary, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let log = ''
  child.stderr.on('data', (data) => (log += data))
  const exited = new Promise((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })))
  const ready = new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', resolve)
    child.once('error', reject)
    exited.then(({ code }) => reject(new Error(`the node ended with ${code}:\n${log}`)))
  })
  const line = await ready
  const end = async (signal) => {
    child.kill(signal)
    return (await exited).code
  }
  return {
    url: /ws:\/\/\S+/.exec(line)[0],
    operations: /http:\/\/\S+/.exec(line)[0],
    folder,
    pid: child.pid,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
  }
}

let clock = Math.floor(Date.now() / 1000) - 1000

/** A signed event, a second later than the one before unless told otherwise. */
export function event(secret, fields) {
  return finalizeEvent({ kind: 1, tags: [], content: '', created_at: clock++, ...fields }, secret)
}

/** A connection that has authenticated as the owner of `secret`. */
export async function authenticated(url, secret) {
  const relay = new Relay(url)
  const sign = async (template) => event(secret, template)
  // The challenge comes after the handshake, maybe after `connect` has returned.
  const challenged = new Promise((resolve) => {
    relay.onauth = (template) => (resolve(), sign(template))
  })
  await relay.connect()
  await challenged
  // Authentication is under way: this waits for its end.
  await relay.auth(sign)
  return relay
}

/** Everything that is stored and matches, up to EOSE. */
export function stored(relay, filters) {
  return new Promise((resolve, reject) => {
    const events = []
    const subscription = relay.subscribe(filters, {
      onevent: (event) => events.push(event),
      oneose: () => {
        // Closing calls `onclose`, which must find the promise settled.
        resolve(events)
        subscription.close()
      },
      onclose: (reason) => {
        // The library leaves this running when a subscription is refused, and the process with it.
        clearTimeout(subscription.eoseTimeoutHandle)
        reject(new Error(reason))
      },
      eoseTimeout: 60_000,
    })
  })
}

/** A live subscription whose events can be waited for one by one. */
export async function follow(relay, filters) {
  const arrived = []
  const waiting = []
  let live
  const eose = new Promise((resolve) => (live = resolve))
  const subscription = relay.subscribe(filters, {
    onevent: (event) => (waiting.length > 0 ? waiting.shift()(event) : arrived.push(event)),
    oneose: live,
    eoseTimeout: 60_000,
  })
  await eose
  return {
    next: () => (arrived.length > 0 ? arrived.shift() : new Promise((resolve) => waiting.push(resolve))),
    close: () => subscription.close(),
  }
}
