// Values as avsc and protobuf-es read them, written down as values of what `annals gen typescript` prints: the compiler of
// TypeScript says whether they are. `node generated.js FOLDER`: every folder in it has `events.ts` and `asyncapi.json`.
'use strict'

const assert = require('node:assert')
const { execFileSync, spawnSync } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const avro = require('avsc')
const { create, createFileRegistry, fromBinary, toBinary } = require('@bufbuild/protobuf')
const { FileDescriptorSetSchema } = require('@bufbuild/protobuf/wkt')

const VALUES = 8
/** How deep values hold others before they come to an end. */
const DEPTH = 6

/** A logical type that is another value than what it stands on, and a value of it. */
function logical (from, to, sample) {
  return class extends avro.types.LogicalType {
    static sample = sample
    _fromValue (value) { return from(value) }
    // Others are those of other branches.
    _toValue (value) { return typeof value === typeof sample ? to(value, this.underlyingType) : undefined }
    _resolve () { return undefined }
  }
}
const text = logical(() => '12.50', (_, under) => Buffer.alloc(under.size ?? 2, 1), '12.50')
const bigint = logical(BigInt, Number, 5_000_000n)

/** What the head of a generated file asks for. */
const logicalTypes = { decimal: text, 'big-decimal': text, 'timestamp-nanos': bigint, 'local-timestamp-nanos': bigint }

/** The branches of a union, and the names of those that are wrapped. */
const branches = (type) => type.types.map((one) => [one, type.typeName === 'union:wrapped' ? one.branchName : null])

/** A value of a type; another one each turn. */
function sample (type, turn, depth = 0) {
  if (type instanceof avro.types.LogicalType) return type.constructor.sample
  const many = depth > DEPTH ? 0 : turn % 3
  switch (type.typeName) {
    case 'null': return null
    case 'boolean': return turn % 2 === 0
    case 'int': case 'long': return turn - 3
    case 'float': case 'double': return turn + 0.5
    case 'string': return `größe ${turn}`
    case 'bytes': return Buffer.from([turn, 255])
    case 'fixed': return Buffer.alloc(type.size, turn)
    case 'enum': return type.symbols[turn % type.symbols.length]
    case 'array': return Array.from({ length: many }, (_, i) => sample(type.itemsType, turn + i, depth + 1))
    case 'map':
      return Object.fromEntries(Array.from({ length: many }, (_, i) => [`k${i}`, sample(type.valuesType, turn + i, depth + 1)]))
    case 'record': case 'error':
      return Object.fromEntries(type.fields.map((field) => [field.name, sample(field.type, turn, depth + 1)]))
  }
  const all = branches(type)
  const plain = all.filter(([one]) => !/record|array|map/.test(one.typeName))
  const choice = depth > DEPTH && plain.length > 0 ? plain : all
  const [one, name] = choice[turn % choice.length]
  const value = sample(one, turn, depth + 1)
  return name === null || value === null ? value : { [name]: value }
}

/** Google's own files, which registries know without being told. */
const GOOGLE = path.join(process.env.NODE_PATH, 'google-gax/build/protos')

/** A message of protobuf-es, by the description that protoc makes of its text. */
function described (message) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'generated'))
  const texts = { ...message['x-protobuf-imports'], 'main.proto': message.payload.schema }
  for (const [name, text] of Object.entries(texts)) {
    fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true })
    fs.writeFileSync(path.join(folder, name), text)
  }
  execFileSync('protoc', ['-I.', `-I${GOOGLE}`, '--include_imports', '--descriptor_set_out=set', 'main.proto'], { cwd: folder, stdio: 'pipe' })
  const set = fromBinary(FileDescriptorSetSchema, fs.readFileSync(path.join(folder, 'set')))
  fs.rmSync(folder, { recursive: true })
  return createFileRegistry(set).getMessage(message.name)
}

/** Whether fields of a message have one name in camel case, so that the library takes them for one. */
const clashes = (type) => new Set(type.fields.map((field) => field.localName)).size < type.fields.length

/** What descriptions call a field of proto2 that is always there. */
const REQUIRED = 3

/** A message; other members of its oneofs each turn. */
function messageOf (type, turn, depth = 0) {
  const init = {}
  const single = (kind, field) => {
    if (kind === 'enum') return field.enum.values[turn % field.enum.values.length].number
    if (kind === 'message' && field.message.typeName === 'google.protobuf.Struct') return { a: [true, null, 'x'] }
    if (kind === 'message') return messageOf(field.message, turn + 1, depth + 1)
    const zero = field.scalar
    // The numbers of types in descriptions: 9 text, 12 bytes, 8 truth, 3 4 6 16 18 of 64 bits.
    if (zero === 9) return `größe ${turn}`
    if (zero === 12) return new Uint8Array([turn])
    if (zero === 8) return true
    return [3, 4, 6, 16, 18].includes(zero) ? BigInt(turn) : turn
  }
  const key = (field) => field.mapKey === 9 || field.mapKey === 8 ? 'true' : `${turn}`
  for (const field of type.fields) {
    const isDeep = depth > 3 && field.message !== undefined
    if (isDeep || (turn % 4 === 3 && field.presence !== REQUIRED)) continue
    if (field.fieldKind === 'list') init[field.localName] = [single(field.listKind, field)]
    else if (field.fieldKind === 'map') init[field.localName] = { [key(field)]: single(field.mapKind, field) }
    else if (field.oneof === undefined) {
      // What wraps a scalar is that scalar, where it is a field by itself.
      const wrapped = /^google\.protobuf\.\w+Value$/.test(field.message?.typeName) && field.message.fields.length === 1 && field.message.fields[0].scalar !== undefined
      init[field.localName] = wrapped ? single('scalar', field.message.fields[0]) : single(field.fieldKind, field)
    }
  }
  for (const oneof of type.oneofs) {
    const field = oneof.fields[turn % oneof.fields.length]
    if (depth > 3 && field.message !== undefined) continue
    init[oneof.localName] = { case: field.localName, value: single(field.fieldKind, field) }
  }
  return create(type, init)
}

/** Defaults are of no interest here, and those of logical types are not what avsc takes for one. */
function withoutDefaults (schema) {
  if (Array.isArray(schema)) return schema.map(withoutDefaults)
  if (schema === null || typeof schema !== 'object') return schema
  const kept = Object.entries(schema).filter(([name]) => name !== 'default' && name !== 'aliases')
  return Object.fromEntries(kept.map(([name, value]) => [name, withoutDefaults(value)]))
}

/** A value as TypeScript writes it. */
function literal (value) {
  if (typeof value === 'bigint') return `${value}n`
  if (value instanceof Uint8Array) return `new Uint8Array([${[...value]}])`
  if (Array.isArray(value)) return `[${value.map(literal)}]`
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  const members = Object.entries(value).map(([name, member]) => `${JSON.stringify(name)}: ${literal(member)}`)
  return `{ ${members.join(', ')} }`
}

/** The type of each topic, by the comment before it. */
function topics (text) {
  const found = text.matchAll(/^\/\*\* The events of topic `([^`]+)`. \*\/\nexport type (\S+) =/gm)
  return new Map([...found].map(([, topic, type]) => [topic, type]))
}

function values (folder) {
  const types = topics(fs.readFileSync(path.join(folder, 'events.ts'), 'utf8'))
  const document = JSON.parse(fs.readFileSync(path.join(folder, 'asyncapi.json'), 'utf8'))
  const lines = []
  let unread = 0
  for (const channel of Object.values(document.channels)) {
    for (const reference of Object.values(channel.messages)) {
      const message = document.components.messages[reference.$ref.split('/').pop()]
      const declare = (value) => lines.push(`const v${lines.length}: events.${types.get(channel.address)} = ${value}`)
      if (!message.payload.schemaFormat.startsWith('application/vnd.apache.avro')) {
        if (!hasProtoc) continue
        const type = described(message)
        if (clashes(type)) {
          unread += 1
          continue
        }
        for (let i = 0; i < VALUES; i++) declare(literal(fromBinary(type, toBinary(type, messageOf(type, i)))))
        continue
      }
      if (!/^[\w.]+$/.test(message.name)) {
        // avsc takes the names of the specification alone.
        unread += 1
        continue
      }
      const type = avro.Type.forSchema(withoutDefaults(message.payload.schema), { logicalTypes })
      const isUnion = Array.isArray(message.payload.schema)
      for (let i = 0; i < Math.max(VALUES, isUnion ? type.types.length : 0); i++) {
        // What avsc reads, of whatever class. What a union at the top has says itself which event it is.
        const event = literal(type.fromBuffer(type.toBuffer(sample(type, i))))
        declare(isUnion ? event : `{ name: ${JSON.stringify(message.name)}, event: ${event} }`)
      }
    }
  }
  const names = lines.map((_, i) => `v${i}`)
  fs.writeFileSync(
    path.join(folder, 'values.ts'),
    `import type * as events from './events'\n\n${lines.join('\n')}\nexport default [${names}]\n`
  )
  return { read: lines.length, unread }
}

const root = process.argv[2]
const hasProtoc = spawnSync('protoc', ['--version']).status === 0
if (!hasProtoc) console.log('skipped: messages of protobuf-es: protoc is not installed')
const folders = fs.readdirSync(root).filter((name) => fs.existsSync(path.join(root, name, 'events.ts')))
assert(folders.length > 0, 'nothing is generated')
const all = folders.map((name) => values(path.join(root, name)))
const sum = (of) => all.map(of).reduce((a, b) => a + b)
console.log(`${sum((one) => one.read)} values of avsc and protobuf-es, ${sum((one) => one.unread)} schemas they cannot read`)
