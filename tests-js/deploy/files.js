// Finds what is to be checked: the files below deploy/, the pages below docs/operators/, and what they name.

import { readFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import path from 'node:path'

export const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', '..')

/** The files below a folder of the repository whose names end so, relative to the repository. */
export function files(folder, ...endings) {
  const entries = readdirSync(path.join(root, folder), { withFileTypes: true })
  return entries.flatMap((entry) => {
    const name = path.join(folder, entry.name)
    if (entry.isDirectory()) return files(name, ...endings)
    return endings.some((ending) => name.endsWith(ending)) ? [name] : []
  })
}

export const read = (name) => readFileSync(path.join(root, name), 'utf8')

/** The blocks of a language in a page of Markdown, with the line each begins in. */
export function blocks(page, language) {
  const lines = read(page).split('\n')
  const found = []
  for (let line = 0; line < lines.length; line++) {
    if (lines[line] !== '```' + language) continue
    const end = lines.indexOf('```', line)
    found.push({ at: `${page}:${line + 1}`, text: lines.slice(line + 1, end).join('\n') })
    line = end
  }
  return found
}

/** The expressions of a dashboard, with the names of their panels. */
export function expressions(dashboard) {
  const flat = (panels) => panels.flatMap((panel) => [panel, ...flat(panel.panels ?? [])])
  const of = (panel) => (panel.targets ?? []).map((target) => ({ panel: panel.title, expr: target.expr }))
  return flat(dashboard.panels).flatMap(of)
}

/** A dashboard's expression as Prometheus gets it. */
export const filledIn = (expr) => expr.replaceAll('$__rate_interval', '5m').replace(/\$\w+/g, '.*')

/** The program's metrics that an expression names. Recorded series have colons in their names. */
export const metricsIn = (expr) => [...expr.matchAll(/(?<![\w:])(?:stentor|process)_\w+(?![\w:])/g)].map(([name]) => name)
