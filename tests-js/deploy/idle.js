// Streams that nothing happens on, held through nginx: `node deploy/idle.js [MINUTES] [STREAMS]` (60 and 100). At the end one event is
// published, and it is told how many of the streams have lasted and been given it. A measurement, no test.

import { readFileSync } from 'node:fs'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'

import { Subject, get } from './edge.js'
import { proxies } from './proxies.js'
import { workFolder } from './tools.js'

const minutes = Number(process.argv[2] ?? 60)
const count = Number(process.argv[3] ?? 100)
const OWN = /RssAnon:\s+(\d+) kB/

const work = workFolder()
const subject = new Subject(work.folder, 'https://app.example', { keep_alive_seconds: 15 }, '[relay.limits]\nconnections_per_ip = 0\n')
await subject.start()
const proxy = await proxies.nginx(work.folder, subject.socket)
const memory = () => OWN.exec(readFileSync(`/proc/${subject.node.pid}/status`, 'utf8'))?.[1]
try {
  const key = await subject.key()
  const before = memory()
  const streams = await Promise.all(Array.from({ length: count }, () => get(proxy, '/api/v1/events', { key })))
  const opened = streams.filter(({ status }) => status === 200).length
  let ended = 0
  for (const stream of streams) stream.ended.then(() => ended++)
  console.log(`${opened} streams of ${count} opened; the node's own memory: ${before} kB before, ${memory()} kB now`)
  for (let minute = 1; minute <= minutes; minute++) {
    await sleep(60_000)
    if (minute % 10 === 0 || minute === minutes) console.log(`${minute} minutes: ${ended} ended; ${memory()} kB`)
  }
  await subject.publish('at last')
  await sleep(2_000)
  const given = streams.filter(({ body }) => body.includes('"at last"')).length
  const comments = streams.map(({ body }) => body.split('\n').filter((line) => line.startsWith(':')).length)
  console.log(`${given} of ${count} were given the event; ${ended} had ended; ${Math.min(...comments)} to ${Math.max(...comments)} comments each`)
  for (const { close } of streams) close()
} finally {
  await proxy.stop()
  await subject.node.stop()
  work.remove()
}
