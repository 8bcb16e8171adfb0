// Writes the expressions of a dashboard as recording rules, for promtool to check them.

import { expressions, filledIn, read } from './files.js'

const [name] = process.argv.slice(2)
const all = expressions(JSON.parse(read(name)))
// JSON is YAML.
const rules = all.map(({ expr }, index) => ({ record: `dashboard:${index}`, expr: filledIn(expr) }))
console.log(JSON.stringify({ groups: [{ name, rules }] }, null, 1))
