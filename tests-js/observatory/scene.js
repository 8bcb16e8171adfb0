// What the tests of the observatory's pages look at: a simulated network, a node that observes it, and relays of the test's own.

import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { createServer } from 'node:http'
import { createInterface } from 'node:readline'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'

import { until, workFolder } from '../deploy/tools.js'
import { WebSocket, binary, event, generateSecretKey, startNodeIn } from '../node.js'
import { matchFilter } from 'nostr-tools/filter'
import { WebSocketServer } from 'ws'

/** Relays of the simulated network; of 20 one refuses connections, one is slow, one is mute, one is a web server. */
const RELAYS = 20

const settings = (seeds, isPublic, check) => `
[outbound]
allow = ["127.0.0.0/8"]

[observatory]
enabled = true
public = ${isPublic}

[observatory.discover]
built_in = false
seed_file = ${JSON.stringify(seeds)}
# All of them are at one.
relays_per_host = 100
interval_seconds = 1
retry_seconds = 1
answer_seconds = 5

[observatory.check]
interval_seconds = 5
answer_seconds = 2
retries = 0
${check}

[observatory.archive]
interval_seconds = 5
`

/**
 * Starts the network and the node. `origin` is where its pages are; `ask` gives an answer of the API, where that is public; `add` has a relay
 * known by a list that names it; `manage` is a command for operators. `places` is a file that says where addresses are (places.js).
 */
export async function startScene({ isPublic = true, places } = {}) {
  const work = workFolder()
  const seeds = path.join(work.folder, 'seeds')
  const network = spawn(binary, ['bench', 'network', '--relays', String(RELAYS), '--events', '400', '--urls', seeds], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const gone = new Promise((resolve) => network.once('exit', resolve))
  await new Promise((resolve, reject) => {
    createInterface({ input: network.stdout }).on('line', (line) => line.startsWith('ready:') && resolve())
    gone.then((code) => reject(new Error(`the network ended with ${code}`)))
  })
  const file = path.join(work.folder, 'stentor.toml')
  const cities = path.join(work.folder, 'cities.mmdb')
  if (places) await writeFile(cities, places)
  await writeFile(file, settings(seeds, isPublic, places ? `city_file = ${JSON.stringify(cities)}` : ''))
  const node = await startNodeIn(path.join(work.folder, 'data'), '--config', file)
  const origin = node.url.replace('ws:', 'http:').replace(/\/?$/, '/')

  const ask = async (what) => {
    const response = await fetch(`${origin}api/v1/observatory/${what}`)
    return response.ok ? response.json() : undefined
  }
  const add = async (url) => {
    const socket = new WebSocket(node.url)
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
    const list = event(generateSecretKey(), { kind: 10002, tags: [['r', url]] })
    // Its own answer: a relay may say other things first, and who hangs up before may not have been heard.
    const answered = new Promise((resolve) => {
      socket.on('message', (text) => {
        const [word, id, taken] = JSON.parse(text)
        if (word === 'OK' && id === list.id) resolve(taken)
      })
    })
    socket.send(JSON.stringify(['EVENT', list]))
    assert.equal(await answered, true)
    socket.close()
  }
  const manage = (...words) => {
    const done = spawnSync(binary, ['admin', ...words, '--json', '--data', path.join(work.folder, 'data')], { encoding: 'utf8' })
    if (done.status !== 0) throw new Error(done.stderr)
    return JSON.parse(done.stdout)
  }
  const stop = async () => {
    await node.stop()
    network.kill()
    await gone
    work.remove()
  }
  return { add, ask, folder: work.folder, manage, origin, stop }
}

/** Waits until so many relays have been found and checked. */
export const checked = (scene, count) =>
  until(`${count} relays are checked`, async () => {
    const page = await scene.ask('relays?status=online&limit=500')
    return (page?.relays.length ?? 0) >= count
  })

/** A relay that has these events and says this of itself (NIP-11). */
export async function startRelay(information, events = []) {
  const server = createServer((request, response) => {
    response.setHeader('content-type', 'application/nostr+json')
    response.end(JSON.stringify(information))
  })
  const sockets = new WebSocketServer({ server })
  sockets.on('connection', (socket) => {
    socket.on('message', (text) => {
      const [word, name, ...filters] = JSON.parse(text)
      if (word !== 'REQ') return
      const matches = (event) => filters.some((filter) => matchFilter(filter, event))
      for (const event of events.filter(matches)) socket.send(JSON.stringify(['EVENT', name, event]))
      socket.send(JSON.stringify(['EOSE', name]))
    })
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const stop = () => {
    for (const socket of sockets.clients) socket.terminate()
    server.closeAllConnections()
    return new Promise((resolve) => server.close(resolve))
  }
  return { url: `ws://127.0.0.1:${server.address().port}/`, stop }
}

/** Goes through a page that follows nothing by the Tab key: all of its links and controls, more than `least` of them, are reached. */
export async function reachedByTab(page, where, least) {
  await page.evaluate(`document.querySelector('[data-live-pause]').click(), document.querySelector('.skip').focus()`)
  const total = await page.evaluate(`(() => {
    const shown = (e) => e.checkVisibility() && !e.closest('details:not([open]) > :not(summary)')
    const found = [...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, summary, [tabindex="0"]')]
    window.unreached = new Set(found.filter((e) => shown(e) && (e.type !== 'radio' || e.checked)))
    unreached.delete(document.activeElement)
    return unreached.size
  })()`)
  assert.ok(total > least)
  for (let pressed = 0; pressed < total + 5; pressed++) {
    await page.press('Tab')
    await page.evaluate('void unreached.delete(document.activeElement)')
  }
  assert.deepEqual(await page.evaluate('[...unreached].map((e) => e.outerHTML.slice(0, 120))'), [], where)
}
