// The programs that the checks run beside the node, and what is waited for.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

/** Where a program is: where a variable says, or in the path; undefined if it is not here. */
export function program(variable, ...names) {
  const given = process.env[variable]
  if (given) return given
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/sbin']
  return names.flatMap((name) => folders.map((folder) => path.join(folder, name))).find((file) => existsSync(file))
}

/** A folder for one run, with a way to remove it. */
export function workFolder() {
  const folder = mkdtempSync(path.join(tmpdir(), 'stentor-edge-'))
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }) }
}

/** A certificate for 127.0.0.1 and its key. */
export function certificate(folder) {
  const [pem, key] = ['certificate.pem', 'key.pem'].map((name) => path.join(folder, name))
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1']
  const name = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1']
  const made = spawnSync('openssl', ['req', '-x509', ...curve, ...name, '-keyout', key, '-out', pem])
  if (made.status !== 0) throw new Error(`openssl: ${made.stderr}${made.error ?? ''}`)
  return { pem, key }
}

/** Waits until `holds` gives something; fails after `patience` milliseconds. */
export async function until(what, holds, patience = 60_000) {
  const deadline = Date.now() + patience
  for (;;) {
    const found = await holds()
    if (found) return found
    if (Date.now() > deadline) throw new Error(`${what} did not come to pass`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
