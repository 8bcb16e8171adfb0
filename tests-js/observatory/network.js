// The overview, the map, coverage, the archive and its events, in headless Chromium, against a real node that observes a simulated network
// (O4.4).

import assert from 'node:assert/strict'
import path from 'node:path'
import { after, before, beforeEach, test } from 'node:test'

import { startBrowser } from '../deploy/browser.js'
import { until } from '../deploy/tools.js'
import { TELEPHONE, WIDE, drive } from '../driver.js'
import { event, generateSecretKey } from '../node.js'
import { places } from './places.js'
import { checked, reachedByTab, startRelay, startScene } from './scene.js'

const HOSTILE = '</pre><script>window.hacked = 1</script><img src=x onerror="window.hacked = 2"> "\'& said'
const PAGES = ['observatory', 'observatory?days=all&period=week', 'observatory/map', 'observatory/coverage', 'observatory/archive', 'observatory/events']

let scene, browser, page
const relays = []
// An event whose author means no good, and the page of it.
const said = event(generateSecretKey(), { kind: 30_818, content: HOSTILE, tags: [['d', HOSTILE], ['t', 'said'], ['x', 'y'.repeat(2_000)]] })
const one = `observatory/events/${said.id}`

before(async () => {
  scene = await startScene({ places: places({ latitude: 46.9, longitude: 7.4, country: 'CH' }) })
  const relay = await startRelay({ name: HOSTILE, software: HOSTILE, supported_nips: [1, 45] }, [said])
  relays.push(relay)
  await scene.add(relay.url)
  browser = await startBrowser(path.join(scene.folder, 'profile'), 'about:blank')
  page = await drive(browser, scene.origin)
  await checked(scene, 12)
  await until('the event is in the archive, and it is known who holds it', async () => (await scene.ask(`events/${said.id}`))?.holders.length === 1)
  await until('events are counted', async () => (await scene.ask('statistics/totals')).events > 100)
})

beforeEach(async () => {
  page.complaints.length = 0
  await page.screen(WIDE)
})

after(async () => {
  await browser?.stop()
  await scene?.stop()
  for (const relay of relays) await relay.stop()
})

const evaluate = (expression) => page.evaluate(expression)
const quiet = () => assert.deepEqual(page.complaints, [])
const text = (selector) => evaluate(`document.querySelector(${JSON.stringify(selector)}).textContent`)

test('o4_4 nothing scrolls sideways, and no browser complains', async () => {
  for (const [metrics, width] of [[WIDE, 1280], [TELEPHONE, 390]]) {
    await page.screen(metrics)
    for (const where of [...PAGES, one, 'observatory/map?country=XX', 'observatory/events?kinds=9999']) {
      await page.open(where)
      await evaluate(`for (const folded of document.querySelectorAll('details')) folded.open = true`)
      // Without the width of a scroll bar.
      const { scrollWidth, clientWidth, innerWidth } = await evaluate(
        '({ innerWidth, scrollWidth: document.documentElement.scrollWidth, clientWidth: document.documentElement.clientWidth })'
      )
      assert.deepEqual([innerWidth, scrollWidth], [width, clientWidth], where)
      assert.equal(await evaluate(`document.querySelectorAll('h1').length`), 1, where)
      assert.equal(await evaluate(`document.querySelectorAll('.top nav [aria-current]').length`), 1, where)
    }
  }
  quiet()
})

test('o4_4 the overview tells the network and leads to what it tells of', async () => {
  await page.open('observatory?days=all')
  const { relays } = await scene.ask('statistics/totals')
  assert.equal(Number(await text('#fragment-overview-relays .stat-value')), relays)
  for (const part of ['archive', 'activity', 'checks', 'programs', 'ranking', 'copies']) {
    assert.ok((await text(`#fragment-overview-${part}`)).length > 40, part)
  }
  // What relays say they know leads to those that say so.
  await page.leave(() => evaluate(`document.querySelector('#fragment-overview-programs a[href*="nip=45"]').click()`))
  assert.equal(await evaluate(`document.querySelectorAll('#fragment-relays tbody tr').length`), 1)
  // Every figure is there for programs.
  await page.open('observatory')
  const addresses = await evaluate(`[...document.querySelectorAll('.source a[href^="/api/"]')].map((link) => link.href)`)
  assert.ok(addresses.length > 10)
  for (const address of new Set(addresses)) {
    const response = await fetch(address)
    assert.equal(response.status, 200, address)
    await response.arrayBuffer()
  }
  quiet()
})

test('o4_4 the overview and the archive follow what happens', async () => {
  const other = await drive(await browser.another(), scene.origin)
  await page.open('observatory')
  await other.open('observatory/archive')
  for (const one of [page, other]) {
    await one.live()
    await one.evaluate('window.marker = 1')
  }
  const count = `Number(document.querySelector('#fragment-overview-relays .stat-value').textContent)`
  const asked = `document.querySelector('#fragment-archive-progress .progress .source').textContent`
  const before = await evaluate(count)
  const told = await other.evaluate(asked)
  const more = event(generateSecretKey(), { content: 'later' })
  const relay = await startRelay({ name: 'Latecomer', supported_nips: [1] }, [more])
  relays.push(relay)
  await scene.add(relay.url)
  await page.holds(`${count} === ${before + 1}`, 60_000)
  await other.holds(`${asked} !== ${JSON.stringify(told)}`, 60_000)
  await other.holds(`document.querySelector('#fragment-archive-relays').textContent.includes(${JSON.stringify(relay.url)})`, 60_000)
  for (const one of [page, other]) assert.equal(await one.evaluate('window.marker'), 1)
  assert.deepEqual(other.complaints, [])
  quiet()
})

test('o4_4 the map is filtered in place, and its circles lead to rows', async () => {
  await page.open('observatory/map')
  const circles = `document.querySelectorAll('#fragment-map .spot').length`
  const rows = `document.querySelectorAll('#fragment-map table.cards tbody tr').length`
  assert.equal(await evaluate(circles), 1)
  assert.ok((await evaluate(rows)) > 10)
  assert.match(await text('#fragment-map'), /Test-City of 2023-11-14/)
  await evaluate(`document.querySelector('#fragment-map .spot').focus()`)
  await page.press('Enter', '\r')
  await page.holds(`document.querySelector(':target')?.closest('details').open`)
  await evaluate(`window.marker = 1, document.querySelector('[name=nip]').focus()`)
  await page.type('45')
  await page.holds(`location.search.includes('nip=45') && ${rows} === 1`)
  assert.equal(await evaluate('window.marker'), 1)
  assert.equal(await evaluate(circles), 1)
  // The same address shows somebody else the same.
  const other = await drive(await browser.another(), scene.origin)
  await other.open(await evaluate('location.href'))
  assert.equal(await other.evaluate(rows), 1)
  await other.open('observatory/map?status=offline&country=CH&text=nowhere')
  assert.match(await other.evaluate(`document.querySelector('.empty').textContent`), /Drop all filters/)
  quiet()
})

test('o4_4 coverage is shown relay by relay, and page by page', async () => {
  await page.open('observatory/coverage?limit=3')
  const shown = `[...document.querySelectorAll('#fragment-coverage h3')].map((heading) => heading.textContent)`
  const first = await evaluate(shown)
  assert.equal(first.length, 3)
  assert.equal(await evaluate(`document.querySelectorAll('#fragment-coverage .strip').length`), 3)
  // A strip is told by keys.
  await evaluate(`document.querySelector('#fragment-coverage .strip').focus()`)
  await page.press('End')
  assert.match(await evaluate(`document.activeElement.getAttribute('aria-valuetext')`), /^(complete|capped|refused|failed|never asked): /)
  await page.leave(() => evaluate(`document.querySelector('[rel=next]').click()`))
  const next = await evaluate(shown)
  assert.ok(next.length > 0 && next.every((relay) => !first.includes(relay)))
  quiet()
})

test('o4_4 an event is text, and it is told who holds it', async () => {
  await page.open('observatory/events?kinds=30818')
  assert.equal(await evaluate(`document.querySelectorAll('#fragment-events tbody tr').length`), 1)
  assert.equal(await evaluate('window.hacked'), undefined)
  await page.leave(() => evaluate(`document.querySelector('#fragment-events tbody th a').click()`))
  assert.equal(await evaluate('location.pathname'), `/${one}`)
  assert.equal(await evaluate('window.hacked'), undefined)
  assert.equal(await evaluate(`document.querySelectorAll('main script, main img').length`), 0)
  assert.equal(await text('pre.text'), HOSTILE)
  assert.match(await text('#fragment-event-holders'), /One relay is known to hold it/)
  await page.leave(() => evaluate(`document.querySelector('#fragment-event-holders tbody a').click()`))
  assert.match(await evaluate('location.pathname'), /^\/observatory\/relays\/[0-9]+$/)
  // There is none, and nothing is wrong with the node.
  const response = await fetch(`${scene.origin}observatory/events/${'0'.repeat(64)}`)
  assert.equal(response.status, 404)
  quiet()
})

test('o4_4 every link of these pages is reached by keys', async () => {
  for (const where of ['observatory/map', 'observatory/archive', one]) {
    await page.open(where)
    await reachedByTab(page, where, 15)
  }
  quiet()
})

test('o4_4 these pages are complete without scripts', async () => {
  await page.scripts(false)
  try {
    for (const where of [...PAGES, one]) {
      await page.open(where, false)
      assert.ok(await evaluate(`document.querySelector('main').innerText.length > 400`), where)
    }
    await page.open('observatory/events', false)
    await evaluate(`document.querySelector('[name=kinds]').focus()`)
    await page.type('30818')
    await page.press('Enter', '\r')
    await page.holds(`location.search.includes('kinds=30818') && document.readyState === 'complete' && document.querySelectorAll('#fragment-events tbody tr').length === 1`)
  } finally {
    await page.scripts(true)
  }
  quiet()
})
