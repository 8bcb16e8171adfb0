// Follows what happens in a Stentor node. See README.md.

export { Backoff } from './backoff.js'
export { EventStreamParser } from './event-stream.js'
export { Feed, follow } from './feed.js'
export { Refused } from './refused.js'
