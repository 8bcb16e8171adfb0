// A file in MaxMind's format that says where the addresses of this machine are: nobody's data, and small.

const bytes = (...values) => Buffer.from(values)

/** A value of the format's data section. */
function data(value) {
  if (typeof value === 'string') return Buffer.concat([bytes((2 << 5) | value.length), Buffer.from(value)])
  if (Array.isArray(value)) return Buffer.concat([bytes(value.length, 4), ...value.map(data)])
  if (value instanceof Buffer) return value
  const entries = Object.entries(value)
  return Buffer.concat([bytes((7 << 5) | entries.length), ...entries.flat().map(data)])
}

function double(value) {
  const number = Buffer.alloc(8)
  number.writeDoubleBE(value)
  return Buffer.concat([bytes((3 << 5) | 8), number])
}

/** Whole numbers: of 16 bits and of 32, and of 64 with its type in a byte of its own. */
const short = (value) => bytes((5 << 5) | 2, value >> 8, value & 255)
const whole = (value) => bytes((6 << 5) | 4, 0, 0, value >> 8, value & 255)
function long(value) {
  const number = Buffer.alloc(8)
  number.writeBigUInt64BE(BigInt(value))
  return Buffer.concat([bytes(8, 2), number])
}

/** The file: 127.0.0.0/8 is at one place, and of no other address anything is known. */
export function places({ latitude, longitude, country }) {
  const bits = [...(127).toString(2).padStart(8, '0')].map(Number)
  const nothing = bits.length
  // Behind the tree are 16 bytes, and then the only record.
  const found = nothing + 16
  const tree = bits.map((bit, at) => {
    const next = at + 1 < bits.length ? at + 1 : found
    const node = Buffer.alloc(6)
    node.writeUIntBE(bit === 0 ? next : nothing, 0, 3)
    node.writeUIntBE(bit === 1 ? next : nothing, 3, 3)
    return node
  })
  const record = data({ country: { iso_code: country }, location: { latitude: double(latitude), longitude: double(longitude) } })
  const metadata = data({
    binary_format_major_version: short(2),
    binary_format_minor_version: short(0),
    build_epoch: long(1_700_000_000),
    database_type: 'Test-City',
    description: {},
    ip_version: short(4),
    languages: [],
    node_count: whole(nothing),
    record_size: short(24),
  })
  return Buffer.concat([...tree, Buffer.alloc(16), record, bytes(0xab, 0xcd, 0xef), Buffer.from('MaxMind.com'), metadata])
}
