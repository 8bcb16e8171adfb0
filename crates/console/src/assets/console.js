// What pages do beyond showing: colours, live parts, filters in place, values of charts, keys. Nothing here is needed to read a
// page or to get anywhere.
'use strict'
;(() => {
  const root = document.documentElement
  const all = (selector, within = document) => [...within.querySelectorAll(selector)]

  // Colours. theme.js has set them already; this is the switch.
  const THEME = 'stentor-theme'
  const kept = () => {
    try {
      return localStorage.getItem(THEME) ?? 'auto'
    } catch {
      return 'auto'
    }
  }
  const paint = (theme) => {
    if (theme === 'light' || theme === 'dark') root.dataset.theme = theme
    else delete root.dataset.theme
    for (const input of all('.theme input')) input.checked = input.value === theme
  }
  const startTheme = () => {
    paint(kept())
    for (const input of all('.theme input')) {
      input.addEventListener('change', () => {
        try {
          localStorage.setItem(THEME, input.value)
        } catch {
          // Then it holds for this page.
        }
        paint(input.value)
      })
    }
    // Another tab of these pages may be where it is changed.
    addEventListener('storage', (event) => event.key === THEME && paint(event.newValue ?? 'auto'))
  }

  // Replacing parts. Elements that are the same stay, so that focus, scrolling and what is open stay too.
  const key = (node) => node.dataset?.key ?? (node.id || undefined)
  const same = (a, b) => a.nodeType === b.nodeType && a.nodeName === b.nodeName && key(a) === key(b)
  // What the reader or this script has set is not the server's to change.
  const own = (element, name) =>
    (name === 'open' && element.nodeName === 'DETAILS') || (element === document.activeElement && (name === 'value' || name === 'checked'))
  const morph = (old, fresh) => {
    for (const { name } of [...old.attributes]) {
      if (!fresh.hasAttribute(name) && !own(old, name)) old.removeAttribute(name)
    }
    for (const { name, value } of [...fresh.attributes]) {
      if (old.getAttribute(name) !== value && !own(old, name)) old.setAttribute(name, value)
    }
    let at = old.firstChild
    for (const node of [...fresh.childNodes]) {
      // An element with a key is looked for among the rest, as rows come, go and change places.
      let found = at
      if (key(node)) while (found && !same(found, node)) found = found.nextSibling
      if (!found || !same(found, node)) {
        old.insertBefore(document.importNode(node, true), at)
        continue
      }
      if (found === at) at = at.nextSibling
      else (old.moveBefore ?? old.insertBefore).call(old, found, at)
      if (found.nodeType === Node.ELEMENT_NODE) morph(found, node)
      else if (found.nodeValue !== node.nodeValue) found.nodeValue = node.nodeValue
    }
    while (at) {
      const gone = at
      at = at.nextSibling
      gone.remove()
    }
  }

  /**
   * Fetches the page at `address` and replaces the parts of these names, if that is `still` wanted; whether there was an answer. `wrong` is
   * told what the server has against the address.
   */
  const refresh = async (address, names, still, signal, wrong) => {
    const response = await fetch(address, { headers: { 'X-Fragment': names.join(',') }, signal, credentials: 'same-origin' })
    if (!response.ok) {
      if (response.status !== 400 || !wrong) return false
      const page = new DOMParser().parseFromString(await response.text(), 'text/html')
      const problem = page.querySelector('.notice p')?.textContent
      if (problem && still()) wrong(problem)
      return problem !== undefined
    }
    const fresh = new DOMParser().parseFromString(await response.text(), 'text/html')
    if (!still()) return true
    for (const name of names) {
      const selector = `[data-fragment="${CSS.escape(name)}"]`
      const [part, next] = [document.querySelector(selector), fresh.querySelector(selector)]
      if (!part || !next) continue
      const before = part.textContent
      const held = document.activeElement
      morph(part, next)
      enhance(part)
      // A browser without moveBefore takes the focus from what changes its place.
      if (held !== document.activeElement && part.contains(held)) held.focus({ preventScroll: true })
      if (part.textContent !== before) mark(part)
    }
    return true
  }
  const mark = (part) => {
    part.dataset.changed = ''
    part.addEventListener('animationend', () => delete part.dataset.changed, { once: true })
  }

  // Live parts.
  const LEAST = 1000
  const LONGEST = 30000
  const startLive = () => {
    const main = document.querySelector('main[data-live]')
    const box = document.querySelector('.live')
    if (!main || !box) return
    const status = box.querySelector('[data-live-status]')
    const button = box.querySelector('[data-live-pause]')
    let source, timer, retry
    let wait = LEAST
    let last = -Infinity
    let paused = false
    let busy = false
    let opened = false
    const waiting = new Set()
    const say = (state) => {
      if (box.dataset.state === state) return
      box.dataset.state = state
      status.textContent = { live: 'Live', reconnecting: 'Reconnecting', paused: 'Paused' }[state]
    }
    const everything = () => all('[data-fragment]').map((part) => part.dataset.fragment)
    const halted = () => paused || document.hidden
    const plan = () => {
      if (timer || busy || halted() || waiting.size === 0) return
      timer = setTimeout(take, Math.max(0, last + LEAST - performance.now()))
    }
    const take = async () => {
      timer = undefined
      if (halted()) return
      const names = [...waiting]
      waiting.clear()
      busy = true
      last = performance.now()
      const address = location.href
      const done = await refresh(address, names, () => location.href === address).catch(() => false)
      busy = false
      if (location.href !== address) for (const name of names) waiting.add(name)
      if (halted()) return
      if (!done) {
        // Tried again, later each time.
        for (const name of names) waiting.add(name)
        last = performance.now() + wait
        wait = Math.min(wait * 2, LONGEST)
        say('reconnecting')
      } else {
        wait = LEAST
        say(source?.readyState === EventSource.OPEN ? 'live' : 'reconnecting')
      }
      plan()
    }
    const open = () => {
      clearTimeout(retry)
      if (source || halted()) return
      say('reconnecting')
      source = new EventSource(main.dataset.live)
      source.addEventListener('open', () => {
        wait = LEAST
        say('live')
        // What changed while nobody listened is not known.
        if (opened) for (const name of everything()) waiting.add(name)
        opened = true
        plan()
      })
      source.addEventListener('changed', (event) => {
        try {
          const names = JSON.parse(event.data)
          const known = new Set(everything())
          for (const name of names) if (known.has(name)) waiting.add(name)
        } catch {
          // Not of these pages.
        }
        plan()
      })
      source.addEventListener('error', () => {
        say('reconnecting')
        // A browser gives up on an answer that is no stream; a node that restarts gives such answers.
        if (source.readyState !== EventSource.CLOSED) return
        close()
        retry = setTimeout(open, wait)
        wait = Math.min(wait * 2, LONGEST)
      })
    }
    const close = () => {
      source?.close()
      source = undefined
      clearTimeout(timer)
      timer = undefined
      clearTimeout(retry)
    }
    const turn = () => {
      if (!halted()) return open()
      close()
      say('paused')
    }
    button.addEventListener('click', () => {
      paused = !paused
      button.setAttribute('aria-pressed', String(paused))
      turn()
    })
    document.addEventListener('visibilitychange', turn)
    // A page that is kept for the way back holds no stream.
    addEventListener('pagehide', close)
    addEventListener('pageshow', (event) => event.persisted && turn())
    turn()
  }

  // Filters answer while they are filled in.
  const TYPING = 250
  const started = new WeakSet()
  const startFilter = (form) => {
    if (started.has(form)) return
    started.add(form)
    let timer, asking
    const apply = async () => {
      clearTimeout(timer)
      asking?.abort()
      const mine = (asking = new AbortController())
      const address = new URL(form.getAttribute('action'), location.href)
      for (const [name, value] of new FormData(form)) if (value !== '') address.searchParams.append(name, value)
      const newest = () => !mine.signal.aborted
      let problem = ''
      const wrong = (text) => (problem = text)
      const done = await refresh(address, [form.dataset.filter], newest, mine.signal, wrong).catch(() => false)
      if (!newest()) return
      const told = form.querySelector('[data-filter-problem]')
      if (told) {
        told.textContent = problem
        told.hidden = problem === ''
      }
      // Half of what is being written may be wrong: the address stays as it is.
      if (problem) return
      // A field may be named like the method.
      if (!done) return HTMLFormElement.prototype.submit.call(form)
      history.replaceState(history.state, '', address)
    }
    form.addEventListener('input', (event) => {
      clearTimeout(timer)
      timer = setTimeout(apply, event.target.type === 'search' || event.target.type === 'number' ? TYPING : 0)
    })
    form.addEventListener('submit', (event) => {
      event.preventDefault()
      apply()
    })
  }

  // Values of charts, by pointer and arrow keys: a chart is a slider over its values, which screen readers know how to tell.
  const places = new WeakMap()
  const startScrub = (chart) => {
    const hits = all('.hit', chart)
    if (hits.length === 0) return
    const readout = chart.closest('figure')?.querySelector('[data-readout]')
    const cursor = chart.querySelector('[data-cursor]')
    chart.setAttribute('role', 'slider')
    chart.setAttribute('tabindex', '0')
    chart.setAttribute('aria-valuemin', '1')
    chart.setAttribute('aria-valuemax', String(hits.length))
    const show = (at) => {
      for (const hit of all('.hit[data-current]', chart)) delete hit.dataset.current
      const hit = hits[at]
      if (!hit) return
      places.set(chart, at)
      const text = hit.querySelector('title')?.textContent ?? ''
      chart.setAttribute('aria-valuenow', String(at + 1))
      chart.setAttribute('aria-valuetext', text)
      if (readout) readout.textContent = text
      if (document.activeElement === chart || chart.matches(':hover')) {
        hit.dataset.current = ''
        if (cursor && hit.dataset.at) {
          cursor.setAttribute('x1', hit.dataset.at)
          cursor.setAttribute('x2', hit.dataset.at)
          cursor.setAttribute('visibility', 'visible')
        }
      }
    }
    const hide = () => {
      if (document.activeElement === chart) return
      for (const hit of all('.hit[data-current]', chart)) delete hit.dataset.current
      cursor?.setAttribute('visibility', 'hidden')
      if (readout) readout.textContent = ''
    }
    const before = places.get(chart)
    const wanted = Math.min(before ?? hits.length - 1, hits.length - 1)
    chart.setAttribute('aria-valuenow', String(wanted + 1))
    chart.setAttribute('aria-valuetext', hits[wanted].querySelector('title')?.textContent ?? '')
    if (before !== undefined && (document.activeElement === chart || chart.matches(':hover'))) show(wanted)
    chart.onpointerover = (event) => {
      const at = hits.indexOf(event.target.closest?.('.hit'))
      if (at >= 0) show(at)
    }
    chart.onpointerleave = hide
    chart.onfocus = () => show(Math.min(places.get(chart) ?? hits.length - 1, hits.length - 1))
    chart.onblur = hide
    chart.onkeydown = (event) => {
      const now = places.get(chart) ?? hits.length - 1
      const page = Math.max(1, Math.round(hits.length / 10))
      const to = {
        ArrowLeft: now - 1, ArrowDown: now - 1, ArrowRight: now + 1, ArrowUp: now + 1,
        PageDown: now - page, PageUp: now + page, Home: 0, End: hits.length - 1,
      }[event.key]
      if (to === undefined || event.ctrlKey || event.altKey || event.metaKey) return
      event.preventDefault()
      show(Math.min(Math.max(to, 0), hits.length - 1))
    }
  }

  // A circle of the map leads to a row that may be folded away.
  const unfold = () => {
    if (location.hash.length < 2) return
    let id
    try {
      id = decodeURIComponent(location.hash.slice(1))
    } catch {
      return
    }
    const target = document.getElementById(id)
    const folded = target?.closest('details:not([open])')
    if (!folded) return
    folded.open = true
    target.scrollIntoView({ block: 'center' })
  }

  // Rows by j and k, where the focus is in their table: elsewhere the keys are the reader's.
  const startKeys = () => {
    document.addEventListener('keydown', (event) => {
      if ((event.key !== 'j' && event.key !== 'k') || event.ctrlKey || event.altKey || event.metaKey) return
      const held = document.activeElement
      if (held?.matches('input, select, textarea')) return
      const box = held?.closest('.scroll')
      const links = box ? all('table.cards tbody th a', box) : []
      if (links.length === 0) return
      const now = links.indexOf(held?.closest('tr')?.querySelector('th a'))
      const to = now < 0 ? 0 : now + (event.key === 'j' ? 1 : -1)
      links[Math.min(Math.max(to, 0), links.length - 1)].focus()
    })
  }

  // Relative times, in the words of the server.
  const relative = (at, now) => {
    const distance = Math.abs(at - now)
    if (distance <= 5) return 'just now'
    const [size, unit] = [[86400, 'd'], [3600, 'h'], [60, 'min'], [1, 's']].find(([size]) => distance >= size)
    const text = `${Math.floor(distance / size)}\u00a0${unit}`
    return at > now ? `in ${text}` : `${text} ago`
  }
  const startTimes = () =>
    setInterval(() => {
      if (document.hidden) return
      for (const time of all('time[data-relative]')) {
        const at = Date.parse(time.dateTime) / 1000
        const text = Number.isFinite(at) ? relative(at, Math.floor(Date.now() / 1000)) : time.textContent
        if (text !== time.textContent) time.textContent = text
      }
    }, 10000)

  /** What parts need, at first and after they were replaced. */
  const enhance = (within) => {
    for (const form of all('form[data-filter]', within)) startFilter(form)
    for (const chart of all('[data-scrub]', within)) startScrub(chart)
  }

  root.dataset.scripted = ''
  for (const element of all('[data-scripted][hidden]')) element.hidden = false
  startTheme()
  enhance(document)
  startKeys()
  startTimes()
  startLive()
  unfold()
  addEventListener('hashchange', unfold)
})()
