// Pictures of pages, for whoever changes how they look: `node observatory/look.js ORIGIN FOLDER [PATH…]`.

import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'

import { startBrowser } from '../deploy/browser.js'
import { workFolder } from '../deploy/tools.js'
import { TELEPHONE, WIDE, drive } from '../driver.js'

const [origin, folder, ...paths] = process.argv.slice(2)
mkdirSync(folder, { recursive: true })
const work = workFolder()
const browser = await startBrowser(path.join(work.folder, 'profile'), 'about:blank')
const page = await drive(browser, origin)
for (const where of paths) {
  for (const [width, metrics] of [['wide', WIDE], ['narrow', TELEPHONE]]) {
    for (const colours of ['light', 'dark']) {
      await page.screen(metrics)
      await page.colours(colours)
      await page.open(where)
      const { cssContentSize } = await page.send('Page.getLayoutMetrics')
      const clip = { x: 0, y: 0, width: metrics.width, height: cssContentSize.height, scale: 1 }
      const { data } = await page.send('Page.captureScreenshot', { captureBeyondViewport: true, clip })
      const name = where.replace(/[^a-z0-9]+/gi, '-').replace(/^-|-$/g, '')
      writeFileSync(path.join(folder, `${name}-${width}-${colours}.png`), Buffer.from(data, 'base64'))
    }
  }
}
for (const complaint of page.complaints) console.error(complaint)
await browser.stop()
work.remove()
