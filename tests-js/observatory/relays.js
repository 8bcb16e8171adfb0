// The table of relays and the page of one, in headless Chromium, against a real node that observes a simulated network (O4.4).

import assert from 'node:assert/strict'
import path from 'node:path'
import { after, before, beforeEach, test } from 'node:test'

import { startBrowser } from '../deploy/browser.js'
import { until } from '../deploy/tools.js'
import { TELEPHONE, WIDE, drive } from '../driver.js'
import { checked, reachedByTab, startRelay, startScene } from './scene.js'

const RELAYS = 'observatory/relays'
const HOSTILE = '</title><script>window.hacked = 1</script><img src=x onerror="window.hacked = 2"> "\'& name'
const ROWS = `[...document.querySelectorAll('#fragment-relays tbody tr')]`
const ADDRESSES = `${ROWS}.map((row) => row.querySelector('.address').textContent)`

let scene, browser, page
let hostile
// The page of a relay that is online.
let one
const relays = []

before(async () => {
  scene = await startScene()
  hostile = await startRelay({
    name: HOSTILE,
    description: HOSTILE,
    software: HOSTILE,
    contact: 'javascript:window.hacked = 3',
    icon: 'http://127.0.0.1:9/icon.png',
    supported_nips: [1, 11, 999],
    limitation: { max_limit: HOSTILE },
  })
  relays.push(hostile)
  await scene.add(hostile.url)
  browser = await startBrowser(path.join(scene.folder, 'profile'), 'about:blank')
  page = await drive(browser, scene.origin)
  await checked(scene, 12)
  await until('the hostile relay is known by name', async () => (await scene.ask('relays?nip=999&status=online'))?.relays.length === 1)
  const found = await scene.ask('relays?status=online&limit=1')
  one = `${RELAYS}/${found.relays[0].id}`
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

test('o4_4 the headings of columns sort', async () => {
  await page.open(RELAYS)
  const heading = (label) => `[...document.querySelectorAll('th .sort')].find((link) => link.textContent.startsWith(${JSON.stringify(label)}))`
  const order = (label) => evaluate(`${heading(label)}.closest('th').getAttribute('aria-sort')`)
  assert.equal(await order('Relay'), 'ascending')
  const ascending = await evaluate(ADDRESSES)
  assert.ok(ascending.length > 12)
  assert.deepEqual(ascending, ascending.toSorted())
  await page.leave(() => evaluate(`${heading('Relay')}.click()`))
  assert.equal(await order('Relay'), 'descending')
  assert.equal(new URL(await evaluate('location.href')).searchParams.get('sort'), '-url')
  const descending = await evaluate(ADDRESSES)
  assert.deepEqual(descending, descending.toSorted().reverse())
  // Numbers from the largest.
  await page.leave(() => evaluate(`${heading('Read')}.click()`))
  assert.equal(await order('Read'), 'descending')
  assert.equal(await order('Relay'), 'none')
  const times = await evaluate(`${ROWS}.map((row) => Number(row.querySelector('[data-label^=Read]').textContent)).filter((time) => !Number.isNaN(time))`)
  assert.ok(times.length > 5)
  assert.deepEqual(times, times.toSorted((a, b) => b - a))
  quiet()
})

test('o4_4 filters are in the address, in place, and there again on the way back', async () => {
  await page.open(RELAYS)
  const all = await evaluate(`${ROWS}.length`)
  await evaluate(`window.marker = 1, document.querySelector('[name=status]').value = 'online', document.querySelector('[name=status]').dispatchEvent(new Event('input', { bubbles: true }))`)
  await page.holds(`location.search.includes('status=online')`)
  await evaluate(`document.querySelector('[name=nip]').focus()`)
  await page.type('999')
  await page.holds(`location.search.includes('nip=999') && ${ROWS}.length === 1`)
  assert.equal(await evaluate('window.marker'), 1)
  assert.ok(all > 1)
  assert.deepEqual(await evaluate(`[...document.querySelectorAll('.chips span:first-child')].map((chip) => chip.textContent)`), ['Status: online', 'NIPs: 999'])
  const address = await evaluate('location.href')
  // What is half written is not taken for the end of it.
  await page.type(',!')
  await page.holds(`document.querySelector('[data-filter-problem]').textContent.includes('nip')`)
  assert.equal(await evaluate('location.href'), address)
  await page.type('77')
  await page.holds(`location.search.includes('77') && document.querySelector('[data-filter-problem]').hidden`)
  // To a relay and back.
  const filtered = await evaluate('location.href')
  await page.leave(() => evaluate(`document.querySelector('#fragment-relays tbody a').click()`))
  await page.holds(`document.querySelector('h1').textContent.includes('name')`)
  await page.back()
  await page.holds(`location.href === ${JSON.stringify(filtered)} && ${ROWS}.length === 1`)
  // Each filter can be dropped by itself, and all at once.
  await page.leave(() => evaluate(`document.querySelector('.chip-all').click()`))
  assert.equal(await evaluate('location.search'), '')
  // The browser tells of the answer 400, which was the point.
  assert.deepEqual(page.complaints.filter((text) => !text.includes('400')), [])
})

test('o4_4 an address shows the same to somebody else', async () => {
  const address = `${RELAYS}?status=online&text=127.0.0.1&sort=-url&limit=5`
  await page.open(address)
  const shown = await evaluate(ADDRESSES)
  assert.equal(shown.length, 5)
  const other = await drive(await browser.another(), scene.origin)
  await other.open(await evaluate('location.href'))
  assert.deepEqual(await other.evaluate(ADDRESSES), shown)
  assert.equal(await other.evaluate(`document.querySelector('[name=text]').value`), '127.0.0.1')
  // The next page has others.
  await page.leave(() => evaluate(`document.querySelector('[rel=next]').click()`))
  const next = await evaluate(ADDRESSES)
  assert.ok(next.length > 0 && next.every((relay) => !shown.includes(relay)))
  quiet()
})

test('o4_4 filters that leave nothing say so, and can be dropped', async () => {
  await page.open(`${RELAYS}?country=XX&text=nowhere&sort=-seen`)
  assert.match(await evaluate(`document.querySelector('.empty').textContent`), /No relay is like that/)
  assert.equal(await evaluate(`document.querySelectorAll('.chip-drop').length`), 2)
  await page.leave(() => evaluate(`document.querySelector('.empty a').click()`))
  assert.equal(await evaluate('location.search'), '?sort=-seen')
  assert.ok((await evaluate(`${ROWS}.length`)) > 12)
  quiet()
})

test('o4_4 a relay that is found later appears by itself', async () => {
  await page.open(`${RELAYS}?text=127.0.0.1`)
  await page.live()
  await evaluate('window.marker = 1')
  const relay = await startRelay({ name: 'Latecomer', supported_nips: [1] })
  relays.push(relay)
  await scene.add(relay.url)
  const row = `${ROWS}.find((row) => row.textContent.includes('Latecomer'))`
  await page.holds(`${row}?.textContent.includes('online')`, 60_000)
  assert.equal(await evaluate('window.marker'), 1)
  // It is gone, and that is seen, too.
  await relay.stop()
  await page.holds(`${row}.textContent.includes('offline')`, 60_000)
  assert.equal(await evaluate('window.marker'), 1)
  quiet()
})

test('o4_4 rows are gone through by j and k, and opened by Enter', async () => {
  await page.open(RELAYS)
  await evaluate(`document.querySelector('#fragment-relays .scroll').focus()`)
  const at = `${ROWS}.indexOf(document.activeElement.closest('tr'))`
  for (const [key, row] of [['j', 0], ['j', 1], ['j', 2], ['k', 1]]) {
    await page.press(key, key)
    assert.equal(await evaluate(at), row)
  }
  const address = await evaluate(`document.activeElement.querySelector('.address').textContent`)
  await page.leave(() => page.press('Enter', '\r'))
  assert.equal(await evaluate(`document.querySelector('.crumbs [aria-current]').textContent`), address)
  quiet()
})

test('o4_4 the first key leads past the header, and every link is reached', async () => {
  for (const where of [RELAYS, one]) {
    await page.open(where)
    // Nothing is to change under the reader's fingers.
    await evaluate(`document.querySelector('[data-live-pause]').click()`)
    await evaluate('document.activeElement.blur()')
    await page.open(where)
    await page.press('Tab')
    assert.equal(await evaluate('document.activeElement.className'), 'skip')
    await page.press('Enter', '\r')
    await page.holds(`document.activeElement.id === 'main'`)
    await reachedByTab(page, where, 30)
  }
  quiet()
})

test('o4_4 nothing scrolls sideways on a telephone, and rows are cards', async () => {
  await page.screen(TELEPHONE)
  for (const where of [RELAYS, `${RELAYS}?state=candidate`, `${RELAYS}?status=online&text=x`, one, `${one}?hours=1`]) {
    await page.open(where)
    await evaluate(`for (const folded of document.querySelectorAll('details')) folded.open = true`)
    assert.deepEqual(await evaluate('[innerWidth, document.documentElement.scrollWidth]'), [390, 390], where)
  }
  await page.open(RELAYS)
  const card = `getComputedStyle(document.querySelector('#fragment-relays tbody tr')).display`
  assert.equal(await evaluate(card), 'grid')
  // What a cell is of stands in the card, as the headings do not.
  assert.equal(await evaluate(`getComputedStyle(document.querySelector('td[data-label=Events]'), '::before').content`), '"Events"')
  quiet()
})

test('o4_4 pages are painted as the system is, light or dark', async () => {
  const painted = `getComputedStyle(document.body).backgroundColor`
  const seen = []
  for (const colours of ['light', 'dark']) {
    await page.colours(colours)
    await page.open(one)
    seen.push(await evaluate(painted))
  }
  await page.colours('')
  assert.notEqual(seen[0], seen[1])
  quiet()
})

test('o4_4 ranges of the charts are in the address', async () => {
  await page.open(one)
  const current = `document.querySelector('#charts .tabs [aria-current]').textContent`
  assert.equal(await evaluate(current), '24 hours')
  await page.leave(() => evaluate(`[...document.querySelectorAll('#charts .tabs a')].find((tab) => tab.textContent === '1 hour').click()`))
  assert.equal(await evaluate('location.search + location.hash'), '?hours=1#charts')
  assert.equal(await evaluate(current), '1 hour')
  // Checks come every few seconds, so there is something to tell.
  await evaluate(`document.querySelector('#charts .plot').focus()`)
  await page.press('End')
  assert.match(await evaluate(`document.activeElement.getAttribute('aria-valuetext')`), /open .*read/)
  quiet()
})

test('o4_4 the page of a relay follows its checks', async () => {
  await page.open(one)
  await page.live()
  await evaluate('window.marker = 1')
  const newest = `document.querySelector('#fragment-relay-checks time').dateTime`
  const before = await evaluate(newest)
  await page.holds(`${newest} !== ${JSON.stringify(before)}`, 60_000)
  assert.equal(await evaluate('window.marker'), 1)
  quiet()
})

test('o4_4 what a relay says of itself is text', async () => {
  const [relay] = (await scene.ask('relays?nip=999')).relays
  for (const where of [`${RELAYS}?nip=999`, `${RELAYS}?nip=999&software=${encodeURIComponent(HOSTILE)}`, `${RELAYS}/${relay.id}`]) {
    await page.open(where)
    assert.equal(await evaluate('window.hacked'), undefined)
    assert.ok(await evaluate(`document.querySelector('main').textContent.includes(${JSON.stringify(HOSTILE)})`), where)
    assert.equal(await evaluate(`document.querySelectorAll('main script, main img, [href^="javascript:"]').length`), 0)
  }
  // By its URL it is the same page.
  const title = await evaluate('document.title')
  await page.open(`${RELAYS}/${encodeURIComponent(relay.url)}`)
  assert.equal(await evaluate('document.title'), title)
  quiet()
})

test('o4_4 all of it works without scripts', async () => {
  await page.scripts(false)
  try {
    for (const where of [RELAYS, one]) {
      await page.open(where, false)
      assert.equal(await evaluate(`[...document.querySelectorAll('.theme, .live, .readout')].filter((e) => e.checkVisibility()).length`), 0)
      assert.ok(await evaluate(`document.querySelector('main').innerText.length > 600`))
    }
    await page.open(RELAYS, false)
    await evaluate(`document.querySelector('[name=nip]').focus()`)
    await page.type('999')
    await page.press('Enter', '\r')
    await page.holds(`location.search.includes('nip=999') && document.readyState === 'complete' && ${ROWS}.length === 1`)
    await evaluate(`document.querySelector('.chips a').click()`)
    await page.holds(`location.search === '' && document.readyState === 'complete' && ${ROWS}.length > 1`)
  } finally {
    await page.scripts(true)
  }
  quiet()
})
