// Every metric that the dashboards and the rules name is exposed by a node that has had some traffic, or is documented as one
// that appears on occasion; and the list of metrics in docs/operators/observe.md is that of the node.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { after, before, test } from 'node:test'
import { parse } from 'yaml'

import { follow } from '../../clients/js/src/index.js'
import { Relay, authenticated, binary, event, generateSecretKey, startNode, stored } from '../node.js'
import { expressions, files, metricsIn, read } from './files.js'
import { until } from './tools.js'

/** Figures of the store are measured every 15 seconds, the first time at the start. */
const PATIENCE = 30_000

let node
let exposed

before(async () => {
  node = await startNode()
  await traffic(node)
  exposed = await scrape(node.operations)
})

after(async () => assert.equal(await node.stop(), 0))

/** A little of everything that an unconfigured relay has metrics for. */
async function traffic({ url, folder }) {
  const alice = generateSecretKey()
  const relay = await Relay.connect(url)
  const note = event(alice, { content: 'hello' })
  await relay.publish(note)
  await relay.publish(note)
  await assert.rejects(relay.publish({ ...note, content: 'forged' }), /invalid:/)
  assert.equal((await stored(relay, [{ kinds: [1] }])).length, 1)
  assert.equal(await relay.count([{ kinds: [1] }], {}), 1)
  relay.close()
  const known = await authenticated(url, alice)
  known.close()
  await streams(url, folder)
  // Leaves a line in the audit log.
  assert.equal(spawnSync(binary, ['admin', 'listkinds', '--data', folder]).status, 0)
}

/** A stream that is given something, one that is refused, and what a client has counted. */
async function streams(url, folder) {
  const api = `${url.replace('ws://', 'http://')}/api/v1`
  const scopes = 'events:nostr:read,telemetry:write'
  const made = spawnSync(binary, ['admin', 'keys', 'create', '--name', 'metrics', '--scope', scopes, '--json', '--data', folder], { encoding: 'utf8' })
  const key = JSON.parse(made.stdout).key
  const headers = { authorization: `Bearer ${key}` }
  await until('the key to be known', async () => (await fetch(`${api}/events/history`, { headers })).ok)
  assert.equal((await fetch(`${api}/events`)).status, 401)
  const seen = []
  const feed = follow({ url: url.replace('ws://', 'http://'), key, since: 'oldest', onEvent: (envelope) => seen.push(envelope) })
  const relay = await Relay.connect(url)
  // Live once what there was has been given.
  for (let number = 1; number < 5; number++) {
    await relay.publish(event(generateSecretKey(), { content: 'live' }))
    await until('the envelope', () => seen.length > number)
  }
  relay.close()
  const body = JSON.stringify(feed.report())
  assert.equal((await fetch(`${api}/telemetry`, { method: 'POST', headers, body })).status, 204)
  await feed.close()
}

/** The names of the series that are exposed, once the slow figures are there. */
async function scrape(operations) {
  const deadline = Date.now() + PATIENCE
  for (;;) {
    const answer = await fetch(`${operations}/metrics`)
    assert.equal(answer.status, 200)
    const text = await answer.text()
    const names = new Set([...text.matchAll(/^((?:stentor|process)_\w+)/gm)].map(([, name]) => name))
    const late = ['stentor_store_bytes', 'stentor_ws_closed_total', 'stentor_gateway_streams_closed_total']
    if (late.every((name) => names.has(name))) return names
    assert.ok(Date.now() < deadline, 'the figures of the store have not come')
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

/** The rows of the tables of metrics: `name`, and whether it appears on occasion only. */
function documented() {
  const rows = read('docs/operators/observe.md').matchAll(/^\| `((?:stentor|process)_\w+)`( †)? \| (\w+) \|/gm)
  return new Map([...rows].map(([, name, occasional, type]) => [name, { occasional: occasional !== undefined, type }]))
}

/** The metric that a series belongs to. */
function metricOf(series, metrics) {
  const base = series.replace(/_(bucket|sum|count)$/, '')
  return metrics.has(series) ? series : metrics.has(base) ? base : undefined
}

/** The series that a metric of this type is exposed as. */
function seriesOf(name, type) {
  return { counter: [name], gauge: [name], histogram: ['_bucket', '_sum', '_count'].map((end) => name + end), summary: [name, `${name}_sum`, `${name}_count`] }[type]
}

test('what is exposed is documented', () => {
  const metrics = documented()
  const missing = [...exposed].filter((series) => metricOf(series, metrics) === undefined)
  assert.deepEqual(missing, [])
})

test('what is documented is exposed, but for what appears on occasion', () => {
  const metrics = [...documented()]
  assert.ok(metrics.length > 40, 'the tables have been read')
  const missing = metrics.filter(([name, { occasional, type }]) => !occasional && !seriesOf(name, type)?.every((series) => exposed.has(series)))
  assert.deepEqual(missing.map(([name]) => name), [])
})

test('what is documented is in the code', () => {
  const code = files('crates', '.rs').map(read).join('\n')
  const missing = [...documented().keys()].filter((name) => !code.includes(`"${name}"`))
  assert.deepEqual(missing, [])
})

/** Fails for series that are neither exposed nor documented as being on occasion. */
function check(where, expr) {
  const metrics = documented()
  for (const series of metricsIn(expr)) {
    const metric = metrics.get(metricOf(series, metrics))
    const occasional = metric?.occasional && seriesOf(metricOf(series, metrics), metric.type).includes(series)
    assert.ok(exposed.has(series) || occasional, `${where} names ${series}, which there is not`)
  }
}

for (const name of files('deploy/grafana', '.json')) {
  test(`${name} names what there is`, () => {
    const dashboard = JSON.parse(read(name))
    const all = expressions(dashboard)
    assert.ok(all.length > 0)
    for (const { panel, expr } of all) check(`the panel "${panel}"`, expr)
    for (const variable of dashboard.templating.list) check(`the variable "${variable.name}"`, variable.definition ?? '')
  })
}

for (const name of files('deploy/prometheus/rules', '.yml').filter((name) => !name.endsWith('_test.yml'))) {
  test(`${name} names what there is`, () => {
    const rules = parse(read(name)).groups.flatMap((group) => group.rules)
    assert.ok(rules.length > 0)
    for (const rule of rules) check(rule.alert ?? rule.record, rule.expr)
  })
}
