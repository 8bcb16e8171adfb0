// Pages of this project in a browser: opened, watched, and used by keys.

import { until } from './deploy/tools.js'

export const WIDE = { width: 1280, height: 900, deviceScaleFactor: 1, mobile: false }
export const TELEPHONE = { width: 390, height: 844, deviceScaleFactor: 2, mobile: true }

const CODES = { Tab: 9, Enter: 13, End: 35, Home: 36, ArrowLeft: 37, ArrowRight: 39 }
const PATIENCE = 20_000

/** Drives a page of a browser (deploy/browser.js) through what is served at `origin`, which ends with a slash. */
export async function drive(page, origin) {
  const { evaluate, send, on } = page
  // Whatever the browser complains of: violations of the policy, requests that fail, exceptions.
  const complaints = []
  on('Log.entryAdded', ({ entry }) => complaints.push(`${entry.source}: ${entry.text} ${entry.url ?? ''}`))
  on('Runtime.exceptionThrown', ({ exceptionDetails }) => complaints.push(exceptionDetails.exception?.description))
  for (const domain of ['Log', 'Runtime', 'Page']) await send(`${domain}.enable`)

  /** Waits until an expression is true in the page, which may be another one by then. */
  const holds = (expression, patience = PATIENCE) => until(expression, () => evaluate(expression).catch(() => false), patience)

  const loaded = (scripted) =>
    holds(`window.left === undefined && document.readyState === 'complete' ${scripted ? '&& "scripted" in document.documentElement.dataset' : ''}`)

  /** Does what leads to another page, and waits until that is there and its script has run. */
  const leave = async (by, scripted = true) => {
    await evaluate('window.left = true')
    await by()
    await loaded(scripted)
  }

  /** Opens a page. */
  const open = (where, scripted = true) => leave(() => send('Page.navigate', { url: new URL(where, origin).href }), scripted)

  /** Goes back in the history. */
  const back = async () => {
    const { currentIndex, entries } = await send('Page.getNavigationHistory')
    const { id } = entries[currentIndex - 1]
    await send('Page.navigateToHistoryEntry', { entryId: id })
  }

  const press = async (key, text) => {
    const event = { key, code: key, windowsVirtualKeyCode: CODES[key] ?? key.toUpperCase().charCodeAt(0), text }
    await send('Input.dispatchKeyEvent', { type: 'keyDown', ...event })
    await send('Input.dispatchKeyEvent', { type: 'keyUp', ...event })
  }

  const type = (text) => send('Input.insertText', { text })

  /** Waits until the page follows changes. */
  const live = () => holds(`document.querySelector('[data-live-status]').textContent === 'Live'`)

  const screen = (metrics) => send('Emulation.setDeviceMetricsOverride', metrics)

  /** The colours that the system has: `light` or `dark`. */
  const colours = (value) => send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value }] })

  const scripts = (run) => send('Emulation.setScriptExecutionDisabled', { value: !run })

  return { ...page, back, colours, complaints, holds, leave, live, open, press, screen, scripts, type }
}
