// @kafkajs/confluent-schema-registry with kafkajs: its calls, and what it encodes through the broker.
//
//     kafkajs.js BOOTSTRAP REGISTRY
//
// All topics are guarded at full, as topics with a registered subject are, except where a part says otherwise.
'use strict'
const { SchemaRegistry, SchemaType, COMPATIBILITY } = require('@kafkajs/confluent-schema-registry')
const { Broker, fails, holds, run, same } = require('./live')

const [bootstrap, host] = process.argv.slice(2)
const client = options => new SchemaRegistry({ host, retry: { retries: 0 } }, options)

const record = (name, ...fields) => ({ type: 'record', name, namespace: 'test', fields })
const id = { name: 'id', type: 'string' }
const ORDER_1 = record('Order', id, { name: 'cents', type: 'long' })
const ORDER_2 = record('Order', id, { name: 'cents', type: 'long' },
  { name: 'note', type: ['null', 'string'], default: null })
const ORDER_BROKEN = record('Order', id, { name: 'cents', type: 'string' })
const avro = (schema, references) => ({ type: SchemaType.AVRO, schema: JSON.stringify(schema), references })
const plain = value => JSON.parse(JSON.stringify(value))

async function calls() {
  const registry = client()
  const subject = 'kjs/orders-value'
  const first = await registry.register(avro(ORDER_1), { subject })
  same(await client().getLatestSchemaId(subject), first.id)
  same(await client().getRegistryId(subject, 1), first.id)
  same(await client().getRegistryIdBySchema(subject, avro(ORDER_1)), first.id)
  const answer = await fails(() => client().getRegistryIdBySchema(subject, avro(ORDER_2)), 'an unknown schema')
  holds(answer.name === 'ConfluentSchemaRegistryError' && answer.message.includes('not found'), `${answer}`)
  // It has set the level itself, once it saw that the subject had none, and insists on it from then on.
  const other = await fails(() => registry.register(avro(ORDER_2), { subject, compatibility: COMPATIBILITY.FULL }), 'level')
  same(other.name, 'ConfluentSchemaRegistryCompatibilityError')
  const second = await registry.register(avro(ORDER_2), { subject })
  holds(second.id !== first.id, 'another schema, another id')
  same(await client().getRegistryId(subject, 'latest'), second.id)
  const refusal = await fails(() => registry.register(avro(ORDER_BROKEN), { subject }), 'an incompatible schema')
  same(refusal.status, 409)
  for (const part of [subject, 'TYPE_MISMATCH', '/fields/1/type']) holds(refusal.message.includes(part), `${refusal}`)
  const missing = await fails(() => client().getRegistryId('kjs-none', 1), 'an unknown subject')
  same(missing.status, 404)
  // Without a subject it takes the record's full name.
  await registry.register(avro(record('Named', id)))
  holds(await client().getLatestSchemaId('test.Named') > 0, 'by the record\'s name')
}

async function avroRecords(broker) {
  const topic = 'kjs-orders'
  await broker.create(topic)
  const registry = client()
  const [old, now] = [{ id: 'o-1', cents: 5 }, { id: 'o-2', cents: 7, note: 'fragile' }]
  const written = []
  for (const [schema, value] of [[ORDER_1, old], [ORDER_2, now]]) {
    const registered = await registry.register(avro(schema), { subject: `${topic}-value` })
    written.push(await registry.encode(registered.id, value))
  }
  await broker.produce(topic, ...written.map(value => ({ value })))
  const values = (await broker.consume(topic, 2)).map(message => message.value)
  same(values, written, 'records are kept byte for byte')
  same(await Promise.all(values.map(value => client().decode(value).then(plain))), [old, now])
  const readerSchema = { [SchemaType.AVRO]: { readerSchema: ORDER_2 } }
  same(plain(await client().decode(values[0], readerSchema)), { ...old, note: null }, 'old data, new reader')
  await broker.refuses(topic, { value: written[0].subarray(0, -1) })
  await broker.refuses(topic, { value: Buffer.from('free text') })
}

async function avroReferences(broker) {
  const topic = 'kjs-lines'
  await broker.create(topic)
  const registry = client()
  const money = record('Money', { name: 'cents', type: 'long' }, { name: 'currency', type: 'string' })
  await registry.register(avro(money), { subject: 'kjs-money' })
  const line = record('Line', { name: 'sku', type: 'string' }, { name: 'price', type: 'test.Money' })
  const references = [{ name: 'test.Money', subject: 'kjs-money', version: 1 }]
  const registered = await registry.register(avro(line, references), { subject: `${topic}-value` })
  const value = { sku: 's-1', price: { cents: 120, currency: 'EUR' } }
  const written = await registry.encode(registered.id, value)
  await broker.produce(topic, { value: written })
  same(plain(await client().decode((await broker.consume(topic, 1))[0].value)), value)
  await broker.refuses(topic, { value: written.subarray(0, -1) })
}

const ADDRESS = { $id: 'https://example.com/address.json', type: 'object', required: ['city'],
  properties: { city: { type: 'string' }, zip: { type: 'string', pattern: '^[0-9]{5}$' } } }
const PERSON = { $id: 'https://example.com/person.json', type: 'object', required: ['name'], additionalProperties: false,
  properties: { name: { type: 'string' }, age: { type: 'integer', minimum: 0 }, home: { $ref: ADDRESS.$id } } }
const json = (schema, references) => ({ type: SchemaType.JSON, schema: JSON.stringify(schema), references })

async function jsonRecords(broker) {
  const topic = 'kjs-people'
  await broker.create(topic)
  const registry = client()
  await registry.register(json(ADDRESS), { subject: 'kjs-address' })
  const references = [{ name: ADDRESS.$id, subject: 'kjs-address', version: 1 }]
  const registered = await registry.register(json(PERSON, references), { subject: `${topic}-value` })
  const value = { name: 'Ada', age: 36, home: { city: 'London', zip: '12345' } }
  const written = await registry.encode(registered.id, value)
  await broker.produce(topic, { value: written })
  const [message] = await broker.consume(topic, 1)
  same(message.value, written)
  same(await client().decode(message.value), value)
  // What the client would refuse to write, the guard refuses to take: in the schema itself, and in the referenced one.
  const frame = wrong => Buffer.concat([written.subarray(0, 5), Buffer.from(JSON.stringify(wrong))])
  for (const wrong of [{ name: 'Ada', age: -1 }, { age: 36 }, { name: 'Ada', home: { zip: '12345' } }]) {
    const refused = await fails(() => registry.encode(registered.id, wrong), 'invalid data')
    same(refused.name, 'ConfluentSchemaRegistryValidationError')
    await broker.refuses(topic, { value: frame(wrong) })
  }
}

async function jsonEvolves() {
  const registry = client()
  const subject = 'kjs-json'
  const closed = { ...PERSON, properties: { name: { type: 'string' }, age: { type: 'integer' } } }
  const first = await registry.register(json(closed), { subject })
  const tighter = { ...closed, required: ['name', 'age'] }
  const refusal = await fails(() => registry.register(json(tighter), { subject }), 'tighter')
  same(refusal.status, 409)
  holds(refusal.message.includes('REQUIRED_ATTRIBUTE_ADDED'), `${refusal}`)
  const wider = { ...closed, properties: { ...closed.properties, email: { type: 'string' } } }
  holds((await registry.register(json(wider), { subject })).id > first.id, 'a property added to a closed object')
}

const PARCEL = 'syntax = "proto3";\npackage kjs;\nmessage Parcel { string id = 1; int64 grams = 2; }\n'

// This client leaves out the message index that the wire format asks for, so that a guard (and any other client) cannot
// tell its Protobuf records from damaged ones. They pass where only the schema id is looked at.
async function protobufRecords(broker) {
  const topic = 'kjs-parcels'
  await broker.create(topic, { 'annals.value.guard': 'id' })
  await broker.create(`${topic}-full`)
  const registry = client()
  const proto = { type: SchemaType.PROTOBUF, schema: PARCEL }
  const registered = await registry.register(proto, { subject: `${topic}-value` })
  await registry.register(proto, { subject: `${topic}-full-value` })
  const written = await registry.encode(registered.id, { id: 'p-1', grams: 250 })
  same(written[5], 0x0a, 'the payload begins where the message index should be')
  await broker.produce(topic, { value: written })
  const [message] = await broker.consume(topic, 1)
  same(plain(await client().decode(message.value)), { id: 'p-1', grams: '250' })
  await broker.refuses(`${topic}-full`, { value: written })
  // With the index put in, as every other serializer does, the record is taken, and this client reads it too.
  const framed = Buffer.concat([written.subarray(0, 5), Buffer.from([0]), written.subarray(5)])
  await broker.produce(`${topic}-full`, { value: framed })
  same(plain(await client().decode((await broker.consume(`${topic}-full`, 1))[0].value)), { id: 'p-1', grams: '250' })

  const renumbered = PARCEL.replace('int64 grams', 'string grams')
  const refusal = await fails(() => registry.register({ ...proto, schema: renumbered }, { subject: `${topic}-value` }), 'kind')
  same(refusal.status, 409)
  holds(refusal.message.includes('FIELD_SCALAR_KIND_CHANGED'), `${refusal}`)
  const grown = PARCEL.replace('}', 'string note = 3; }')
  holds((await registry.register({ ...proto, schema: grown }, { subject: `${topic}-value` })).id > registered.id, 'grown')
}

async function protobufReferences() {
  const registry = client()
  const money = 'syntax = "proto3";\npackage kjs;\nmessage Money { int64 cents = 1; }\n'
  await registry.register({ type: SchemaType.PROTOBUF, schema: money }, { subject: 'kjs-money-proto' })
  const bill = 'syntax = "proto3";\npackage kjs;\nimport "kjs/money.proto";\nmessage Bill { Money sum = 1; }\n'
  const references = [{ name: 'kjs/money.proto', subject: 'kjs-money-proto', version: 1 }]
  const schema = { type: SchemaType.PROTOBUF, schema: bill, references }
  const registered = await registry.register(schema, { subject: 'kjs-bills-value' })
  const value = { sum: { cents: '120' } }
  const written = await client().encode(registered.id, { sum: { cents: 120 } })
  same(plain(await client().decode(written)), value)
}

async function main() {
  const broker = await new Broker(bootstrap).open()
  const part = (name, f) => [name, () => f(broker)]
  const [own, kafkajs] = ['@kafkajs/confluent-schema-registry', 'kafkajs'].map(name => `${name} ${require(`${name}/package.json`).version}`)
  await run(`${own} with ${kafkajs}`, 'Avro, JSON Schema, Protobuf', [
    part('register, look up, evolve', calls),
    part('Avro records', avroRecords),
    part('Avro references', avroReferences),
    part('Protobuf records', protobufRecords),
    part('Protobuf references', protobufReferences),
    part('JSON Schema records and references', jsonRecords),
    part('evolving JSON Schema', jsonEvolves),
  ])
  await broker.close()
}

main().catch(error => {
  console.error(error)
  process.exit(1)
})
