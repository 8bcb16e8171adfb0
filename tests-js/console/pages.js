// The pages' components in a browser: the gallery of stentor-console, in headless Chromium.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, beforeEach, test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { startBrowser } from '../deploy/browser.js'
import { until, workFolder } from '../deploy/tools.js'
import { TELEPHONE, WIDE, drive } from '../driver.js'

const here = path.dirname(fileURLToPath(import.meta.url))
const binary = process.env.STENTOR_GALLERY ?? path.join(here, '..', '..', 'target', 'debug', 'examples', 'gallery')

const PAGES = ['', 'relays', 'parts']
const NARROW = { ...TELEPHONE, width: 360, height: 740 }

let folder
let gallery
let origin
let browser
let evaluate, holds, open, press, live
let complaints

before(async () => {
  folder = workFolder()
  gallery = spawn(binary, ['--still'], { stdio: ['ignore', 'pipe', 'inherit'] })
  origin = await new Promise((resolve, reject) => {
    createInterface({ input: gallery.stdout }).once('line', resolve)
    gallery.once('error', reject)
    gallery.once('exit', (code) => reject(new Error(`the gallery ended with ${code}`)))
  })
  browser = await startBrowser(path.join(folder.folder, 'profile'), 'about:blank')
  ;({ evaluate, holds, open, press, live, complaints } = await drive(browser, origin))
})

beforeEach(async () => {
  complaints.length = 0
  await browser.send('Emulation.setDeviceMetricsOverride', WIDE)
})

after(async () => {
  await browser?.stop()
  gallery?.kill()
  folder?.remove()
})

async function tick() {
  const response = await fetch(`${origin}tick`, { method: 'POST' })
  assert.equal(response.status, 204)
}

test('o4_4 the keyboard reaches everything', async () => {
  for (const page of PAGES) {
    await open(page)
    // Radio buttons are one stop; the rest that is shown is one each.
    const total = await evaluate(`(() => {
      const shown = (e) => e.checkVisibility() && !e.closest('details:not([open]) > :not(summary)')
      const found = [...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, summary, [tabindex="0"]')]
      window.unreached = new Set(found.filter((e) => shown(e) && (e.type !== 'radio' || e.checked)))
      return unreached.size
    })()`)
    assert.ok(total > 10)
    for (let pressed = 0; pressed < total + 5; pressed++) {
      await press('Tab')
      await evaluate('void unreached.delete(document.activeElement)')
    }
    assert.deepEqual(await evaluate('[...unreached].map((e) => e.outerHTML.slice(0, 120))'), [], page)
  }
  assert.deepEqual(complaints, [])
})

test('o4_4 chosen colours hold after the page is loaded again', async () => {
  await open('')
  const scheme = () => evaluate(`getComputedStyle(document.documentElement).colorScheme`)
  assert.equal(await scheme(), 'light dark')
  await evaluate(`document.querySelector('.theme input[value=dark]').click()`)
  assert.equal(await scheme(), 'dark')
  await open('relays')
  assert.equal(await scheme(), 'dark')
  assert.equal(await evaluate(`document.querySelector('.theme input:checked').value`), 'dark')
  await evaluate(`document.querySelector('.theme input[value=auto]').click()`)
  await open('relays')
  assert.equal(await scheme(), 'light dark')
  assert.deepEqual(complaints, [])
})

test('o4_4 a part that changes keeps focus, what is typed, what is open, and the place', async () => {
  await open('parts')
  await live()
  await evaluate(`document.querySelector('#fragment-parts summary').click()`)
  await evaluate(`document.querySelector('#note').focus()`)
  await browser.send('Input.insertText', { text: 'kept' })
  await evaluate(`document.querySelector('#note').setSelectionRange(1, 3), window.same = document.querySelector('#note')`)
  const before = await evaluate('[document.querySelector("#fragment-parts p").textContent, scrollY]')
  await tick()
  await holds(`document.querySelector('#fragment-parts p').textContent !== ${JSON.stringify(before[0])}`)
  assert.deepEqual(
    await evaluate(`(() => {
      const note = document.activeElement
      return [note === same, note.value, note.selectionStart, note.selectionEnd, document.querySelector('#fragment-parts details').open, scrollY]
    })()`),
    [true, 'kept', 1, 3, true, before[1]],
  )
  assert.deepEqual(complaints, [])
})

test('o4_4 a page that is paused does not change, and catches up', async () => {
  await open('parts')
  await live()
  const text = () => evaluate('document.querySelector("#fragment-parts p").textContent')
  const before = await text()
  await evaluate(`document.querySelector('[data-live-pause]').focus()`)
  await press('Enter', '\r')
  await holds(`document.querySelector('[data-live-status]').textContent === 'Paused'`)
  assert.equal(await evaluate(`document.activeElement.getAttribute('aria-pressed')`), 'true')
  await tick()
  assert.equal(await text(), before)
  await press('Enter', '\r')
  await live()
  await holds(`document.querySelector("#fragment-parts p").textContent !== ${JSON.stringify(before)}`)
  assert.deepEqual(complaints, [])
})

test('o4_4 a filter changes the address and the table, not the page', async () => {
  await open('relays?sort=-rtt&net=clearnet')
  const rows = 'document.querySelectorAll("#fragment-relays tbody tr").length'
  const many = await evaluate(rows)
  await evaluate(`window.marker = 1, document.querySelector('[name=q]').focus()`)
  await browser.send('Input.insertText', { text: 'amber' })
  await holds(`location.search.includes('q=amber')`)
  await evaluate(`document.querySelector('[value=online]').click()`)
  await holds(`location.search.includes('state=online')`)
  assert.equal(await evaluate('window.marker'), 1)
  const address = new URL(await evaluate('location.href'))
  assert.deepEqual([...address.searchParams], [['sort', '-rtt'], ['q', 'amber'], ['net', 'clearnet'], ['state', 'online']])
  const few = await evaluate(rows)
  assert.ok(few > 0 && few < many, `${few} of ${many}`)
  const links = `[...document.querySelectorAll('#fragment-relays tbody th')].every((cell) => cell.textContent.includes('amber'))`
  assert.ok(await evaluate(links))
  // The address alone gives the same.
  await open(address.pathname.slice(1) + address.search)
  assert.equal(await evaluate(rows), few)
  assert.equal(await evaluate(`document.querySelector('[name=q]').value`), 'amber')
  // Sorting keeps it.
  await evaluate(`document.querySelector('th .sort').click()`)
  await holds(`location.search.includes('sort=url') && location.search.includes('q=amber') && document.readyState === 'complete'`)
  assert.equal(await evaluate(rows), few)
  assert.deepEqual(complaints, [])
})

test('o4_4 a row that changes its place keeps the focus', async () => {
  await open('relays?sort=-events&q=amber')
  await live()
  const order = `[...document.querySelectorAll('tbody th')].map((cell) => cell.textContent).join()`
  const before = await evaluate(order)
  await evaluate(`document.querySelectorAll('tbody th a')[2].focus()`)
  const held = await evaluate('document.activeElement.textContent')
  assert.ok(held.includes('amber'))
  await until('another order', async () => (await tick(), (await evaluate(order)) !== before), 20_000)
  assert.equal(await evaluate('document.activeElement.textContent'), held)
  assert.deepEqual(complaints, [])
})

test('o4_4 charts tell their values to the arrow keys', async () => {
  await open('')
  const told = `(() => {
    const chart = document.activeElement
    return [chart.getAttribute('role'), chart.getAttribute('aria-valuetext'), chart.closest('figure').querySelector('[data-readout]').textContent]
  })()`
  const charts = await evaluate(`document.querySelectorAll('[data-scrub]').length`)
  assert.equal(charts, 4)
  for (let chart = 0; chart < charts; chart++) {
    await evaluate(`document.querySelectorAll('[data-scrub]')[${chart}].focus()`)
    await press('End')
    const [role, last, shown] = await evaluate(told)
    assert.equal(role, 'slider')
    assert.ok(last.length > 5 && last === shown, last)
    await press('ArrowLeft')
    const [, before] = await evaluate(told)
    assert.notEqual(before, last)
    await press('Home')
    const [, first] = await evaluate(told)
    await press('ArrowRight')
    await press('ArrowLeft')
    assert.equal((await evaluate(told))[1], first)
  }
  // A change of the data leaves the reader where he is.
  await evaluate(`document.querySelector('.plot').focus()`)
  await press('Home')
  const [, first] = await evaluate(told)
  await live()
  await tick()
  await holds(`document.activeElement.matches('.plot') && document.activeElement.getAttribute('aria-valuetext') !== ${JSON.stringify(first)}`)
  assert.equal(await evaluate(`document.activeElement.getAttribute('aria-valuenow')`), '1')
  assert.deepEqual(complaints, [])
})

test('o4_4 a circle of the map leads to its row', async () => {
  await open('')
  await evaluate(`document.querySelector('.spot[href^="#places-"]')?.focus()`)
  const href = await evaluate(`document.activeElement.getAttribute('href')`)
  await press('Enter', '\r')
  await holds(`location.hash === ${JSON.stringify(href)} && document.querySelector(location.hash).checkVisibility()`)
  assert.deepEqual(complaints, [])
})

test('o4_4 rows are reached by j and k', async () => {
  await open('relays')
  await press('j', 'j')
  assert.equal(await evaluate('document.activeElement === document.body'), true)
  await evaluate(`document.querySelector('#fragment-relays .scroll').focus()`)
  const at = `[...document.querySelectorAll('tbody tr')].indexOf(document.activeElement.closest('tr'))`
  for (const [key, row] of [['j', 0], ['j', 1], ['j', 2], ['k', 1]]) {
    await press(key, key)
    assert.equal(await evaluate(at), row)
  }
  await evaluate(`document.querySelector('[name=q]').focus()`)
  await press('j', 'j')
  assert.equal(await evaluate(`document.querySelector('[name=q]').value`), 'j')
})

test('o4_4 nothing inline runs or paints, and the browser says so', async () => {
  await open('parts')
  await evaluate(`(() => {
    const script = document.createElement('script')
    script.textContent = 'window.ran = true'
    document.body.append(script)
    document.querySelector('h1').setAttribute('style', 'color: red')
  })()`)
  // What the other tests find nothing of is found here.
  await until('two violations', () => complaints.filter((text) => text.includes('Content Security Policy')).length >= 2, 20_000)
  assert.equal(await evaluate('window.ran'), undefined)
  assert.notEqual(await evaluate(`getComputedStyle(document.querySelector('h1')).color`), 'rgb(255, 0, 0)')
})

test('o4_4 nothing scrolls sideways on a telephone', async () => {
  await browser.send('Emulation.setDeviceMetricsOverride', NARROW)
  for (const page of PAGES) {
    await open(page)
    await evaluate(`for (const folded of document.querySelectorAll('details')) folded.open = true`)
    assert.deepEqual(await evaluate('[innerWidth, document.documentElement.scrollWidth]'), [360, 360], page)
  }
})

test('o4_4 pages are complete without the script', async () => {
  await browser.send('Emulation.setScriptExecutionDisabled', { value: true })
  try {
    for (const page of PAGES) {
      await open(page, false)
      assert.equal(await evaluate(`[...document.querySelectorAll('.theme, .live, .readout')].filter((e) => e.checkVisibility()).length`), 0)
      assert.ok(await evaluate(`document.querySelector('main').innerText.length > 300`))
    }
    await open('relays', false)
    await evaluate(`document.querySelector('[name=q]').focus()`)
    await browser.send('Input.insertText', { text: 'amber' })
    await press('Enter', '\r')
    await holds(`location.search.includes('q=amber') && document.readyState === 'complete'`)
    assert.ok(await evaluate(`[...document.querySelectorAll('tbody th')].every((cell) => cell.textContent.includes('amber'))`))
  } finally {
    await browser.send('Emulation.setScriptExecutionDisabled', { value: false })
  }
})
