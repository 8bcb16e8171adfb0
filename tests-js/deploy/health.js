// The health check of the container says what the node says.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { test } from 'node:test'

import { startNode } from '../node.js'
import { root } from './files.js'

test('the health check of the container says what the node says', async () => {
  const node = await startNode()
  const health = (...args) => {
    const environment = { PATH: process.env.PATH, STENTOR_SERVER__OPS_LISTEN: node.operations.replace('http://', '') }
    return spawnSync(path.join(root, 'deploy/container/health'), args, { env: environment, timeout: 10_000 }).status
  }
  assert.equal(health(), 0)
  assert.equal(health('live'), 0)
  assert.equal(health('ready'), 0)
  assert.notEqual(health('nothing'), 0)
  assert.equal(await node.stop(), 0)
  assert.notEqual(health(), 0)
})
