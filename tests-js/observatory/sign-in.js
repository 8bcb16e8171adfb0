// Pages that are not public: a key is asked for once, and judged each time (O4.4).

import assert from 'node:assert/strict'
import path from 'node:path'
import { after, before, test } from 'node:test'

import { startBrowser } from '../deploy/browser.js'
import { until } from '../deploy/tools.js'
import { drive } from '../driver.js'
import { startScene } from './scene.js'

const RELAYS = 'observatory/relays'

let scene, browser, page

before(async () => {
  scene = await startScene({ isPublic: false })
  browser = await startBrowser(path.join(scene.folder, 'profile'), 'about:blank')
  page = await drive(browser, scene.origin)
})

after(async () => {
  await browser?.stop()
  await scene?.stop()
})

const key = (scope) => scene.manage('keys', 'create', '--name', scope, '--scope', scope)

async function enter(text) {
  await page.evaluate(`document.querySelector('[name=token]').focus()`)
  await page.type(text)
  await page.leave(() => page.press('Enter', '\r'))
}

test('o4_4 a key opens the page that was asked for, until it is revoked', async () => {
  const reads = key('observatory:read')
  const other = key('events:jobs:read:own')
  await page.open(`${RELAYS}?sort=-found`)
  assert.equal(await page.evaluate(`document.querySelector('h1').textContent`), 'Sign in')
  await enter('stk_not_a_key')
  assert.match(await page.evaluate(`document.querySelector('.notice').textContent`), /not good/)
  await enter(other.key)
  assert.match(await page.evaluate(`document.querySelector('.notice').textContent`), /observatory:read/)
  await page.open(`${RELAYS}?sort=-found`)
  // A key that was made a moment ago may not be known yet.
  await until('the key is let in', async () => {
    await enter(reads.key)
    return page.evaluate(`document.querySelector('h1').textContent === 'Relays'`)
  })
  assert.equal(await page.evaluate('location.search'), '?sort=-found')
  // No script gets at it, and it follows changes like anybody.
  assert.equal(await page.evaluate('document.cookie'), '')
  await page.live()
  // Somebody else has to show a key of his own.
  const stranger = await drive(await browser.another(), scene.origin)
  await stranger.open(RELAYS)
  assert.equal(await stranger.evaluate(`document.querySelector('h1').textContent`), 'Sign in')
  scene.manage('keys', 'revoke', reads.id)
  await until('the key opens nothing any more', async () => {
    await page.open(RELAYS)
    return page.evaluate(`document.querySelector('h1').textContent === 'Sign in'`)
  })
  assert.match(await page.evaluate(`document.querySelector('.notice').textContent`), /not good any more/)
})

test('o4_4 who signs out is asked again', async () => {
  const { key: text } = key('observatory:read')
  await page.open(RELAYS)
  await until('the key is let in', async () => {
    await enter(text)
    return page.evaluate(`document.querySelector('h1').textContent === 'Relays'`)
  })
  await page.leave(() => page.evaluate(`document.querySelector('.sign-out button').click()`))
  assert.equal(await page.evaluate('location.pathname'), '/observatory/sign-in')
  await page.open(RELAYS)
  assert.equal(await page.evaluate(`document.querySelector('h1').textContent`), 'Sign in')
})
