// Headless Chromium, driven by the DevTools protocol over a pipe (--remote-debugging-pipe): no port, no library.

import { spawn } from 'node:child_process'

import { program } from './tools.js'

export const chromium = program('STENTOR_CHROMIUM', 'chromium', 'chromium-browser', 'google-chrome')

const SETTINGS = [
  '--headless=new',
  '--remote-debugging-pipe',
  // The certificate is the test's own.
  '--ignore-certificate-errors',
  // Tests may run as root, where Chromium has no sandbox; it loads nothing but what the test serves.
  '--no-sandbox',
  '--disable-gpu',
  '--disable-dev-shm-usage',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/**
 * A browser with one page; `evaluate` runs an expression in it and gives its value, `send` is a command of the protocol to the page, and `on` takes
 * what the page tells by itself. `another` opens a page of somebody else: nothing is shared with the first, cookies and settings least of all.
 */
export async function startBrowser(folder, url) {
  const child = spawn(chromium, [...SETTINGS, `--user-data-dir=${folder}`, 'about:blank'], { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] })
  const exited = new Promise((resolve) => child.once('exit', resolve))
  const [, , , input, output] = child.stdio
  const waiting = new Map()
  const handlers = new Map()
  let number = 0
  let rest = Buffer.alloc(0)
  output.on('data', (data) => {
    rest = Buffer.concat([rest, data])
    // Messages end with a NUL.
    for (let end = rest.indexOf(0); end >= 0; end = rest.indexOf(0)) {
      const message = JSON.parse(rest.subarray(0, end))
      rest = rest.subarray(end + 1)
      handlers.get(`${message.sessionId} ${message.method}`)?.(message.params)
      waiting.get(message.id)?.(message)
      waiting.delete(message.id)
    }
  })
  const call = (method, params = {}, sessionId) =>
    new Promise((resolve, reject) => {
      const id = ++number
      const answered = ({ error, result }) => (error ? reject(new Error(`${method}: ${error.message}`)) : resolve(result))
      waiting.set(id, answered)
      exited.then((code) => reject(new Error(`Chromium ended with ${code}`)))
      input.write(JSON.stringify({ id, method, params, sessionId }) + '\0')
    })
  const page = async (url, context) => {
    const { targetId } = await call('Target.createTarget', { url, ...context })
    const { sessionId } = await call('Target.attachToTarget', { targetId, flatten: true })
    const send = (method, params) => call(method, params, sessionId)
    const on = (method, handler) => handlers.set(`${sessionId} ${method}`, handler)
    const evaluate = async (expression) => {
      const asked = { expression, awaitPromise: true, returnByValue: true }
      const { result, exceptionDetails } = await send('Runtime.evaluate', asked)
      if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text)
      return result.value
    }
    return { evaluate, send, on }
  }
  const another = async () => {
    const context = await call('Target.createBrowserContext')
    return page('about:blank', context)
  }
  const stop = async () => {
    await call('Browser.close').catch(() => {})
    await exited
  }
  return { ...(await page(url)), another, stop }
}
