// Starts the proxies of deploy/proxy in front of a node on a Unix socket, with another port, as nobody in particular.

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import net from 'node:net'
import path from 'node:path'

import { read } from './files.js'
import { certificate, program, until } from './tools.js'

const nginxProgram = program('STENTOR_NGINX', 'nginx')
const caddyProgram = program('STENTOR_CADDY', 'caddy')

/** The proxies that there are on this machine, and those that are not. */
export const proxies = { nginx: nginxProgram && startNginx, Caddy: caddyProgram && startCaddy }

/** A port that was free just now. The proxies cannot be asked which one the system has given them. */
async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}

/** Puts something in the place of what must be there. */
function replaced(text, what, by) {
  const after = text.replaceAll(what, by)
  if (after === text) throw new Error(`${what} is not in the template`)
  return after
}

async function startNginx(folder, socket) {
  const port = await freePort()
  const { pem, key } = certificate(folder)
  let site = read('deploy/proxy/nginx.conf')
  site = replaced(site, /.*listen \[::\].*\n/g, '')
  site = replaced(site, 'listen 80;', `listen unix:${folder}/80.sock;`)
  site = replaced(site, 'listen 443 ssl;', `listen 127.0.0.1:${port} ssl;`)
  site = replaced(site, '/etc/letsencrypt/live/relay.example.com/fullchain.pem', pem)
  site = replaced(site, '/etc/letsencrypt/live/relay.example.com/privkey.pem', key)
  site = replaced(site, 'server 127.0.0.1:7447;', `server unix:${socket};`)
  writeFileSync(path.join(folder, 'site.conf'), site)
  const bodies = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`)
  // As root it would hand its work to somebody who may not open the socket.
  const user = process.getuid() === 0 ? 'user root;' : ''
  const main = `${user} daemon off; worker_processes 1; pid ${folder}/nginx.pid; error_log stderr;
events { worker_connections 4096; }
http { access_log off; ${bodies.join(' ')} include site.conf; }`
  writeFileSync(path.join(folder, 'nginx.conf'), main)
  return started(nginxProgram, ['-e', 'stderr', '-p', folder, '-c', path.join(folder, 'nginx.conf')], port, {})
}

async function startCaddy(folder, socket) {
  const port = await freePort()
  const { pem, key } = certificate(folder)
  let site = read('deploy/proxy/Caddyfile')
  site = replaced(site, '{$RELAY_HOST:localhost} {\n', `{\n\tadmin off\n\tauto_https off\n}\n\nhttps://127.0.0.1:${port} {\n\ttls ${pem} ${key}\n`)
  const [, minor] = /(\d+)\.\d+/.exec(spawnSync(caddyProgram, ['version'], { encoding: 'utf8' }).stdout.slice(1)) ?? []
  // Before 2.7 a reload ends connections, and nothing can be said about it.
  if (Number(minor) < 7) site = replaced(site, /.*stream_close_delay.*\n/g, '')
  writeFileSync(path.join(folder, 'Caddyfile'), site)
  const environment = { RELAY_UPSTREAM: `unix/${socket}`, HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder }
  return started(caddyProgram, ['run', '--adapter', 'caddyfile', '--config', path.join(folder, 'Caddyfile')], port, environment)
}

/** Runs a proxy until it takes connections. */
async function started(file, args, port, environment) {
  const child = spawn(file, args, { stdio: ['ignore', 'ignore', 'pipe'], env: { PATH: process.env.PATH, ...environment } })
  let log = ''
  let failure
  child.stderr.on('data', (data) => (log += data))
  child.once('error', (error) => (failure = error))
  const exited = new Promise((resolve) => child.once('exit', resolve))
  exited.then((code) => (failure ??= new Error(`${file} ended with ${code}:\n${log}`)))
  await until(`${file} to listen`, async () => {
    if (failure) throw failure
    const socket = net.connect(port, '127.0.0.1')
    const open = await Promise.race([once(socket, 'connect').then(() => true), once(socket, 'error').then(() => false)]).catch(() => false)
    socket.destroy()
    return open
  })
  const stop = async () => {
    child.kill('SIGTERM')
    await exited
  }
  return { port, origin: `https://127.0.0.1:${port}`, stop }
}
