// The files below deploy/ are well formed, and every piece of configuration in them and in the guides is one that the program takes.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { parse, parseAllDocuments } from 'yaml'

import { binary } from '../node.js'
import { blocks, files, read, root } from './files.js'

const folder = mkdtempSync(path.join(tmpdir(), 'stentor-deploy-'))
after(() => rmSync(folder, { recursive: true }))

/** Has the program look at a configuration. */
function check(where, { file, environment = {} }) {
  const args = ['config', 'check', '--data', folder]
  if (file !== undefined) {
    writeFileSync(path.join(folder, 'checked.toml'), file)
    args.push('--config', path.join(folder, 'checked.toml'))
  }
  const { PATH } = process.env
  const done = spawnSync(binary, args, { env: { PATH, ...environment }, encoding: 'utf8', cwd: folder })
  assert.equal(done.status, 0, `${where}: ${done.stderr}${done.error ?? ''}`)
}

/** Every document of a YAML file. */
function documents(name) {
  const found = parseAllDocuments(read(name), { merge: true })
  return found.map((document) => {
    assert.deepEqual(document.errors, [], name)
    assert.deepEqual(document.warnings, [], name)
    return document.toJS()
  })
}

for (const name of files('deploy', '.yml', '.yaml')) {
  test(`${name} is YAML`, () => assert.ok(documents(name).every((document) => typeof document === 'object')))
}

for (const name of files('deploy', '.json')) {
  test(`${name} is JSON`, () => assert.equal(typeof JSON.parse(read(name)), 'object'))
}

/** Puts a certificate and its key where an example has some that are not on this machine. */
function certified(text) {
  if (!text.includes('tls_certificate')) return text
  const [certificate, key] = ['certificate.pem', 'key.pem'].map((name) => path.join(folder, name))
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  const made = spawnSync('openssl', ['req', '-x509', ...curve, '-subj', '/CN=relay.example.com', '-keyout', key, '-out', certificate])
  assert.equal(made.status, 0, 'openssl makes a certificate')
  return text.replace(/(tls_certificate = ).*/g, `$1"${certificate}"`).replace(/(tls_key = ).*/g, `$1"${key}"`)
}

/** Puts a file with a header where an example has one that is not on this machine. */
function withHeaders(text) {
  const file = path.join(folder, 'headers')
  writeFileSync(file, 'Authorization: Bearer token\n')
  return text.replace(/(headers_file = ).*/g, `$1"${file}"`)
}

/** Puts a file with a URL where an example has one that is not on this machine. */
function recorded(text) {
  if (!text.includes('url_file')) return text
  const file = path.join(folder, 'records.url')
  writeFileSync(file, 'postgres://stentor:secret@db.example.com/stentor?sslmode=verify-full\n')
  return text.replace(/(url_file = )"[^"]*"/g, `$1"${file}"`)
}

for (const page of files('docs/operators', '.md')) {
  for (const { at, text } of blocks(page, 'toml')) {
    test(`the configuration in ${at} is good`, () => check(at, { file: withHeaders(recorded(certified(text))) }))
  }
}

for (const page of [...files('docs/operators', '.md'), 'deploy/README.md']) {
  test(`the links in ${page} lead somewhere`, () => {
    // As GitHub makes them of headings.
    const anchor = (heading) => heading.toLowerCase().replace(/[^\w\- ]/g, '').replaceAll(' ', '-')
    for (const [, target] of read(page).matchAll(/\]\((?!https?:)([^)]+)\)/g)) {
      const [file, fragment] = target.split('#')
      const name = file === '' ? page : path.join(path.dirname(page), file)
      assert.ok(existsSync(path.join(root, name)), target)
      const headings = () => [...read(name).matchAll(/^#+ (.*)$/gm)].map(([, heading]) => anchor(heading))
      assert.ok(fragment === undefined || headings().includes(fragment), target)
    }
  })
}

test('the manifests for Kubernetes belong together', () => {
  const own = 'deploy/kubernetes'
  const { resources } = parse(read(`${own}/kustomization.yaml`))
  assert.deepEqual([...resources, 'kustomization.yaml'].sort(), files(own, '.yaml').map((name) => path.basename(name)).sort())
  const all = resources.flatMap((name) => documents(`${own}/${name}`))
  for (const { apiVersion, kind, metadata } of all) assert.ok(apiVersion && kind && metadata.name)
  const of = (wanted) => all.filter(({ kind }) => kind === wanted)
  const [{ spec }] = of('StatefulSet')
  const pod = spec.template.metadata.labels
  const [container] = spec.template.spec.containers
  // Whatever selects pods selects this one.
  const selectors = [spec.selector.matchLabels, ...of('Service').map((it) => it.spec.selector)]
  selectors.push(...of('PodDisruptionBudget').map((it) => it.spec.selector.matchLabels), ...of('NetworkPolicy').map((it) => it.spec.podSelector.matchLabels))
  for (const selector of selectors) assert.deepEqual(selector, pod)
  assert.ok(of('Service').some(({ metadata }) => metadata.name === spec.serviceName))
  // Probes and services name ports that there are.
  const ports = container.ports.map(({ name }) => name)
  const named = ['startupProbe', 'livenessProbe', 'readinessProbe'].map((probe) => container[probe].httpGet.port)
  named.push(...of('Service').flatMap((it) => it.spec.ports.map((port) => port.targetPort)))
  for (const name of named) assert.ok(ports.includes(name), name)
  // The configuration is one, together with the variables.
  const environment = Object.fromEntries(container.env.filter(({ name }) => name !== 'STENTOR_CONFIG' && name !== 'STENTOR_DATA').map(({ name, value }) => [name, value]))
  const [{ data }] = of('ConfigMap')
  check('configmap.yaml', { file: data['stentor.toml'], environment })
})

test('the composition belongs together', () => {
  const name = 'deploy/container/compose.yaml'
  const { services, networks, volumes, secrets } = parse(read(name), { merge: true })
  for (const [service, it] of Object.entries(services)) {
    for (const network of it.networks ?? []) assert.ok(network in networks, `${service}: ${network}`)
    for (const secret of it.secrets ?? []) assert.ok(secret in secrets, `${service}: ${secret}`)
    for (const other of Object.keys(it.depends_on ?? {})) assert.ok(other in services, `${service}: ${other}`)
    for (const volume of it.volumes ?? []) {
      const [source] = volume.split(':')
      const there = source.startsWith('.') ? existsSync(path.join(root, path.dirname(name), source)) : source in volumes
      assert.ok(there, `${service}: ${source}`)
    }
    // Whatever stays up has limits.
    if (it.restart !== 'no') assert.ok(it.cpus && it.mem_limit, `${service} has no limits`)
  }
  const host = (value) => String(value).replace('${RELAY_HOST:-localhost}', 'relay.example.com')
  const environment = Object.entries(services.relay.environment).map(([key, value]) => [key, host(value)])
  check(name, { environment: Object.fromEntries(environment) })
})

test('the image is made from files that there are, with variables that there are', () => {
  const text = read('deploy/container/Containerfile').replaceAll('\\\n', ' ')
  const [, variables] = /^ENV (.*)$/m.exec(text)
  const environment = Object.fromEntries(variables.trim().split(/\s+/).map((pair) => pair.split(/=(.*)/s).slice(0, 2)))
  delete environment.STENTOR_DATA
  check('Containerfile', { environment })
  const ignored = read('deploy/container/Containerfile.dockerignore')
  for (const [, source] of text.matchAll(/^COPY (?!--from|\.)(\S+) /gm)) {
    assert.ok(existsSync(path.join(root, source)), source)
    assert.ok(ignored.includes(`!${source}\n`), `${source} is ignored`)
  }
})
