'use strict'
// Everything that is shown gets in as text: what receivers answer is a stranger's.
const KEY = 'stentor-webhooks-key'
const at = (id) => document.getElementById(id)
const REASONS = {
  by_hand: 'switched off',
  gone: 'switched off: it answered 410',
  failing: 'switched off: it failed for five days',
  refused: 'switched off: its address may not be dialed',
  credential: 'switched off: its credential has ended',
}

const ERRORS = {
  timeout: 'took too long',
  lookup: 'name not found',
  connect: 'no connection',
  tls: 'no TLS',
  exchange: 'broken off',
  refused: 'address refused',
}

function make(name, className, text) {
  const element = document.createElement(name)
  if (className) element.className = className
  if (text !== undefined) element.textContent = text
  return element
}

function notice(text) {
  at('notice').textContent = text
  at('notice').hidden = !text
}

async function ask(path) {
  const answer = await fetch('/api/v1/webhooks' + path, {
    headers: { authorization: 'Bearer ' + sessionStorage.getItem(KEY) },
    cache: 'no-store',
    credentials: 'omit',
  })
  if (answer.ok) return answer.json()
  const problem = await answer.json().catch(() => ({}))
  const error = new Error(problem.detail || problem.title || 'the node answered ' + answer.status)
  error.status = answer.status
  throw error
}

const time = (ms) =>
  new Date(ms).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'medium' })
const took = (ms) => (ms < 1000 ? ms + ' ms' : (ms / 1000).toFixed(1) + ' s')

function stateOf(webhook) {
  if (!webhook.enabled) {
    const reason = REASONS[webhook.disabled_reason] || 'switched off'
    return make('span', webhook.disabled_reason === 'by_hand' ? 'state' : 'state bad', reason)
  }
  if (webhook.failing_since_ms) return make('span', 'state', 'failing since ' + time(webhook.failing_since_ms))
  return make('span', 'state good', 'on')
}

function card(webhook, open) {
  const item = make('li')
  const button = make('button')
  button.type = 'button'
  button.dataset.id = webhook.id
  button.setAttribute('aria-pressed', 'false')
  const head = make('div', 'head')
  head.append(make('strong', 'mono', webhook.url), stateOf(webhook))
  const about = [webhook.description, webhook.types.join(', ') || 'all types'].filter(Boolean).join(' · ')
  button.append(head, make('p', 'soft', about))
  button.addEventListener('click', () => open(webhook))
  item.append(button)
  return item
}

function cell(name, content) {
  const element = make('td')
  element.dataset.name = name
  element.append(content)
  return element
}

function result(attempt) {
  const words = attempt.status ? attempt.status + ' ' + attempt.outcome : ERRORS[attempt.error] || attempt.error || attempt.outcome
  return make('span', attempt.outcome === 'taken' ? 'state good' : 'state bad', words)
}

function response(attempt) {
  const element = cell('Answer', '')
  element.className = 'answer'
  if (!attempt.response) {
    element.append(make('span', 'soft', attempt.status ? 'empty answer' : 'no answer'))
    return element
  }
  const details = make('details')
  details.append(make('summary', 'mono', attempt.response.slice(0, 80)), make('pre', '', attempt.response))
  element.append(details)
  return element
}

function line(attempt) {
  const row = make('tr')
  const number = attempt.number > 0 ? ' #' + attempt.number : ''
  const what = make('span', 'mono', attempt.type + number)
  what.title = attempt.webhook_id
  row.append(
    cell('Time', time(attempt.at_ms)),
    cell('Type', what),
    cell('Result', result(attempt)),
    cell('Took', took(attempt.latency_ms)),
    cell('Next try', attempt.next_ms ? time(attempt.next_ms) : '–'),
    response(attempt),
  )
  return row
}

let opened = null

async function page(webhook, before) {
  const path = '/' + encodeURIComponent(webhook.id) + '/attempts?limit=25'
  const listed = await ask(before ? path + '&before=' + encodeURIComponent(before) : path)
  if (opened !== webhook.id) return
  at('attempts').append(...listed.attempts.map(line))
  at('more').hidden = !listed.next
  at('more').onclick = () => guarded(() => page(webhook, listed.next))
  if (!at('attempts').hasChildNodes()) notice('Nothing was sent to this webhook yet.')
}

async function open(webhook, keepFocus) {
  opened = webhook.id
  notice('')
  for (const button of at('list').querySelectorAll('button')) {
    button.setAttribute('aria-pressed', String(button.dataset.id === webhook.id))
  }
  at('log').hidden = false
  at('log-url').textContent = webhook.url
  at('attempts').replaceChildren()
  at('more').hidden = true
  if (!keepFocus) at('log').focus()
  await page(webhook)
}

async function load() {
  const { webhooks } = await ask('')
  at('door').hidden = true
  at('tools').hidden = false
  at('endpoints').hidden = false
  at('list').replaceChildren(...webhooks.map((webhook) => card(webhook, (one) => guarded(() => open(one)))))
  notice(webhooks.length ? '' : 'There is no webhook yet. They are made with POST /api/v1/webhooks.')
  const again = webhooks.find((webhook) => webhook.id === opened)
  if (again) await open(again, true)
  else at('log').hidden = true
}

function leave(text) {
  sessionStorage.removeItem(KEY)
  opened = null
  for (const id of ['tools', 'endpoints', 'log']) at(id).hidden = true
  at('list').replaceChildren()
  at('attempts').replaceChildren()
  at('door').hidden = false
  at('key').value = ''
  at('key').focus()
  notice(text)
}

async function guarded(action) {
  try {
    await action()
  } catch (error) {
    if (error.status === 401 || error.status === 403) leave('This key does not open it: ' + error.message)
    else notice(error.message)
  }
}

at('door').addEventListener('submit', (event) => {
  event.preventDefault()
  sessionStorage.setItem(KEY, at('key').value.trim())
  at('key').value = ''
  guarded(load)
})
at('reload').addEventListener('click', () => guarded(load))
at('leave').addEventListener('click', () => leave(''))
if (sessionStorage.getItem(KEY)) guarded(load)
