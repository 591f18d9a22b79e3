// @confluentinc/schemaregistry: its calls, and what its serializers write through the broker (by kafkajs).
//
//     confluent.js BOOTSTRAP REGISTRY
//
// Confluent's own Kafka client for Node builds librdkafka from source; kafkajs carries the bytes instead.
'use strict'
const { AvroDeserializer, AvroSerializer, Compatibility, DualSchemaIdDeserializer, HeaderSchemaIdSerializer,
  JsonDeserializer, JsonSerializer, ProtobufDeserializer, ProtobufSerializer, SchemaRegistryClient,
  SerdeType } = require('@confluentinc/schemaregistry')
const { create, createFileRegistry, fromJson, toJson } = require('@bufbuild/protobuf')
const { FileDescriptorSetSchema } = require('@bufbuild/protobuf/wkt')
const { Broker, fails, holds, run, same } = require('./live')

const [bootstrap, registry] = process.argv.slice(2)
const client = (path = '') => new SchemaRegistryClient({ baseURLs: [registry + path], maxRetries: 0 })
const plain = value => JSON.parse(JSON.stringify(value))

const record = (name, ...fields) => JSON.stringify({ type: 'record', name, namespace: 'test', fields })
const id = { name: 'id', type: 'string' }
const note = { name: 'note', type: ['null', 'string'], default: null }
const ORDER_1 = record('Order', id, { name: 'cents', type: 'long' })
const ORDER_2 = record('Order', id, { name: 'cents', type: 'long' }, note)
const ORDER_BROKEN = record('Order', id, { name: 'cents', type: 'string' })
const avro = schema => ({ schemaType: 'AVRO', schema })

async function refused(status, code, call, what) {
  const error = await fails(call, what)
  same([error.status, error.errorCode], [status, code], `${what}: ${error}`)
  return error.message
}

async function calls() {
  const sr = client()
  const subject = 'cn-calls'
  const first = await sr.registerFullResponse(subject, avro(ORDER_1))
  holds(first.guid && first.id > 0, 'register answers id and guid')
  same((await client().getIdFullResponse(subject, avro(ORDER_1))).guid, first.guid)
  same([await client().getId(subject, avro(ORDER_1)), await client().getVersion(subject, avro(ORDER_1))], [first.id, 1])
  for (const found of [await client().getBySubjectAndId(subject, first.id), await client().getBySubjectAndId('', first.id),
    await client().getByGuid(first.guid)]) same(JSON.parse(found.schema), JSON.parse(ORDER_1))
  await refused(404, 40403, () => client().getId(subject, avro(ORDER_2)), 'look up')
  holds(await sr.testSubjectCompatibility(subject, avro(ORDER_2)), 'compatible')
  same(await sr.testCompatibility(subject, 1, avro(ORDER_BROKEN)), false)
  const message = await refused(409, 40901, () => sr.register(subject, avro(ORDER_BROKEN)), 'an incompatible schema')
  for (const part of [subject, 'TYPE_MISMATCH', '/fields/1/type']) holds(message.includes(part), message)
  await sr.register(subject, avro(ORDER_2))
  same(await client().getAllVersions(subject), [1, 2])
  same((await client().getLatestSchemaMetadata(subject)).version, 2)
  same((await client().getSchemaMetadata(subject, 1)).id, first.id)
  holds((await client().getAllSubjects()).includes(subject), 'the subject is listed')
  await refused(422, 42201, () => sr.register(subject, avro('{')), 'no schema')
  await refused(404, 40401, () => client().getAllVersions('cn-none'), 'no subject')
  await refused(404, 40402, () => client().getSchemaMetadata(subject, 9), 'no version')
  // Every serializer asks this first; without an association it names the subject after the topic.
  const answer = await client().getAssociationsByResourceName('cn-orders', '-', 'topic', ['value'], null, 0, -1)
    .catch(error => error.status)
  holds(answer === 404 || answer.length === 0, `nothing is associated: ${answer}`)
}

async function normalized() {
  const sr = client()
  const written = '{"fields":[{"type":{"type":"string"},"name":"id"}],"namespace":"test","name":"N","type":"record"}'
  const usual = record('N', id)
  const version = await sr.registerFullResponse('cn-normal', avro(written), true)
  same(await client().getId('cn-normal', avro(usual), true), version.id, 'written otherwise, the same schema')
}

async function configs() {
  const sr = client()
  const subject = 'cn-config'
  await refused(404, 40408, () => sr.getCompatibility(subject), 'nothing configured')
  for (const level of [Compatibility.FULL, Compatibility.NONE, Compatibility.FORWARD_TRANSITIVE]) {
    same(await sr.updateCompatibility(subject, level), level)
    same(await sr.getCompatibility(subject), level)
  }
  same(await sr.getDefaultCompatibility(), Compatibility.BACKWARD)
  same(await sr.updateDefaultCompatibility(Compatibility.FULL), Compatibility.FULL)
  same((await sr.getDefaultConfig()).compatibilityLevel, Compatibility.FULL)
  await sr.updateDefaultConfig({ compatibility: Compatibility.BACKWARD })
  const config = await sr.updateConfig(subject, { normalize: true, defaultMetadata: { properties: { owner: 'sales' } } })
  same([config.normalize, config.defaultMetadata.properties.owner], [true, 'sales'])
  same((await sr.getConfig(subject)).compatibilityLevel, Compatibility.FORWARD_TRANSITIVE, 'kept, as it was not named')
}

async function metadata() {
  const sr = client()
  const subject = 'cn-metadata'
  const tagged = (schema, properties) => ({ ...avro(schema), metadata: { properties } })
  await sr.register(subject, tagged(ORDER_1, { 'application.major': '1' }))
  await sr.register(subject, tagged(ORDER_2, { 'application.major': '2' }))
  const found = await client().getLatestWithMetadata(subject, { 'application.major': '1' })
  same([found.version, found.metadata.properties], [1, { 'application.major': '1' }])
  await refused(404, 40403, () => client().getLatestWithMetadata(subject, { 'application.major': '3' }), 'no such metadata')
  const write = new AvroSerializer(client(), SerdeType.VALUE,
    { useLatestWithMetadata: { 'application.major': '1' }, subjectNameStrategy: () => subject })
  same((await write.serialize('any', { id: 'o-1', cents: 5 })).readInt32BE(1), found.id)
}

async function rules() {
  const sr = client()
  const subject = 'cn-rules-value'
  const ruleSet = { domainRules: [{ name: 'positive', kind: 'CONDITION', mode: 'WRITE', type: 'CEL',
    expr: 'message.cents > 0' }] }
  await sr.register(subject, { ...avro(ORDER_1), ruleSet })
  const latest = await client().getLatestSchemaMetadata(subject)
  same([latest.ruleSet.domainRules[0].name, latest.ruleSet.domainRules[0].expr], ['positive', 'message.cents > 0'])
  // No executor for it is loaded, so the serializer has to refuse: it has seen the rule.
  const write = new AvroSerializer(client(), SerdeType.VALUE, { useLatestVersion: true })
  const error = await fails(() => write.serialize('cn-rules', { id: 'o-1', cents: -5 }), 'a broken rule')
  holds(`${error} ${error.cause}`.includes('CEL') || `${error}`.includes('positive'), `${error}`)
}

async function deletes() {
  const sr = client()
  const subject = 'cn-deleted'
  await sr.register(subject, avro(ORDER_1))
  await sr.register(subject, avro(ORDER_2))
  await refused(404, 40407, () => client().deleteSubjectVersion(subject, 1, true), 'a live version, for good')
  same(await sr.deleteSubjectVersion(subject, 1, false), 1)
  same(await client().getAllVersions(subject), [2])
  await refused(404, 40402, () => client().getSchemaMetadata(subject, 1), 'a deleted version')
  same((await client().getSchemaMetadata(subject, 1, true)).version, 1)
  same(await sr.deleteSubjectVersion(subject, 1, true), 1)
  await refused(404, 40402, () => client().getSchemaMetadata(subject, 1, true), 'a version that is gone')
  await refused(404, 40405, () => client().deleteSubject(subject, true), 'a live subject, for good')
  same(await sr.deleteSubject(subject, false), [2])
  await refused(404, 40401, () => client().getAllVersions(subject), 'a deleted subject')
  same(await sr.deleteSubject(subject, true), [2])
}

async function contexts() {
  const inside = client('/contexts/.cn')
  const registered = await inside.registerFullResponse('ctx-orders', avro(ORDER_1))
  same(registered.id, 1, 'a context counts its own ids')
  same(await inside.getAllSubjects(), [':.cn:ctx-orders'])
  same(JSON.parse((await client('/contexts/.cn').getBySubjectAndId('', 1)).schema), JSON.parse(ORDER_1))
  same(await client().getAllVersions(':.cn:ctx-orders'), [1])
}

async function avroRecords(broker) {
  const topic = 'cn-orders'
  await broker.create(topic)
  const sr = client()
  const [old, now] = [{ id: 'o-1', cents: 5 }, { id: 'o-2', cents: 7, note: 'fragile' }]
  const written = []
  for (const [schema, value] of [[ORDER_1, old], [ORDER_2, now]]) {
    await sr.register(`${topic}-value`, avro(schema))
    const write = new AvroSerializer(client(), SerdeType.VALUE, { useLatestVersion: true })
    written.push(await write.serialize(topic, value))
  }
  await broker.produce(topic, ...written.map(value => ({ value })))
  const values = (await broker.consume(topic, 2)).map(message => message.value)
  same(values, written, 'records are kept byte for byte')
  const read = new AvroDeserializer(client(), SerdeType.VALUE, {})
  same(plain(await Promise.all(values.map(value => read.deserialize(topic, value)))), [old, now])
  const newest = new AvroDeserializer(client(), SerdeType.VALUE, { useLatestVersion: true })
  same(plain(await newest.deserialize(topic, values[0])), { ...old, note: null }, 'old data, new reader')
  await broker.refuses(topic, { value: written[0].subarray(0, -1) })
}

// The id is a GUID in a record header, the value has no frame.
async function headers(broker) {
  const topic = 'cn-headers'
  await broker.create(topic)
  await client().register(`${topic}-value`, avro(ORDER_1))
  const conf = { useLatestVersion: true, schemaIdSerializer: HeaderSchemaIdSerializer }
  const write = new AvroSerializer(client(), SerdeType.VALUE, conf)
  const value = { id: 'o-1', cents: 5 }
  const sent = {}
  const written = await write.serialize(topic, value, sent)
  same([Object.keys(sent), sent.__value_schema_id.length, sent.__value_schema_id[0]], [['__value_schema_id'], 17, 1])
  await broker.produce(topic, { value: written, headers: sent })
  const [message] = await broker.consume(topic, 1)
  const read = new AvroDeserializer(client(), SerdeType.VALUE, { schemaIdDeserializer: DualSchemaIdDeserializer })
  same(plain(await read.deserialize(topic, message.value, message.headers)), value)
  await broker.refuses(topic, { value: written.subarray(0, -1), headers: sent })
}

async function avroReferences(broker) {
  const topic = 'cn-lines'
  await broker.create(topic)
  const sr = client()
  await sr.register('cn-money', avro(record('Money', { name: 'cents', type: 'long' }, { name: 'currency', type: 'string' })))
  const line = record('Line', { name: 'sku', type: 'string' }, { name: 'price', type: 'test.Money' })
  const references = [{ name: 'test.Money', subject: 'cn-money', version: 1 }]
  await refused(422, 42201, () => sr.register(`${topic}-value`, avro(line)), 'a name from nowhere')
  await sr.register(`${topic}-value`, { ...avro(line), references })
  const value = { sku: 's-1', price: { cents: 120, currency: 'EUR' } }
  const written = await new AvroSerializer(client(), SerdeType.VALUE, { useLatestVersion: true }).serialize(topic, value)
  await broker.produce(topic, { value: written })
  const [message] = await broker.consume(topic, 1)
  same(plain(await new AvroDeserializer(client(), SerdeType.VALUE, {}).deserialize(topic, message.value)), value)
  await broker.refuses(topic, { value: written.subarray(0, -1) })
}

// --- Protobuf: the serializer registers compiled files in base64, each import under a subject of its own ---------------

const scalar = (name, number, type) => ({ name, number, label: 'LABEL_OPTIONAL', type })
const message = (name, number, typeName, label = 'LABEL_OPTIONAL') => ({ name, number, label, type: 'TYPE_MESSAGE', typeName })
const MONEY_FILE = { name: 'cn/money.proto', package: 'cn', syntax: 'proto3', messageType: [
  { name: 'Money', field: [scalar('cents', 1, 'TYPE_INT64'), scalar('currency', 2, 'TYPE_STRING')] }] }
const PARCEL_FILE = { name: 'cn/parcel.proto', package: 'cn', syntax: 'proto3', dependency: ['cn/money.proto'], messageType: [
  { name: 'Ignored', field: [scalar('unused', 1, 'TYPE_BOOL')] },
  { name: 'Parcel', nestedType: [{ name: 'Leg', field: [scalar('hub', 1, 'TYPE_STRING')] }],
    field: [scalar('id', 1, 'TYPE_STRING'), message('postage', 2, '.cn.Money'),
      message('legs', 3, '.cn.Parcel.Leg', 'LABEL_REPEATED')] }] }

// What generated code would hold: the files' descriptors.
const files = (parcel = PARCEL_FILE) => createFileRegistry(fromJson(FileDescriptorSetSchema, { file: [MONEY_FILE, parcel] }))

async function protobufRecords(broker) {
  const topic = 'cn-parcels'
  await broker.create(topic)
  const known = files()
  const [parcel, leg] = ['cn.Parcel', 'cn.Parcel.Leg'].map(name => known.getMessage(name))
  const values = [create(parcel, { id: 'p-1', postage: { cents: 499n, currency: 'EUR' }, legs: [{ hub: 'AMS' }] }),
    create(leg, { hub: 'CDG' })]
  const write = new ProtobufSerializer(client(), SerdeType.VALUE, { autoRegisterSchemas: true, registry: known })
  const written = []
  for (const value of values) written.push(await write.serialize(topic, value))
  // Message indexes: the second message of the file, and the first one within that.
  same(written.map(value => [...value.subarray(5, 8)]), [[2, 2, 0x0a], [4, 2, 0]])
  await broker.produce(topic, ...written.map(value => ({ value })))
  const [first, second] = await broker.consume(topic, 2)
  const read = new ProtobufDeserializer(client(), SerdeType.VALUE, {})
  same(toJson(parcel, await read.deserialize(topic, first.value)), toJson(parcel, values[0]))
  same(first.value, written[0], 'records are kept byte for byte')
  same(second.value, written[1])
  await broker.refuses(topic, { value: written[0].subarray(0, -1) })

  const stored = await client().getLatestSchemaMetadata(`${topic}-value`)
  holds(stored.schema.includes('message Parcel'), 'stored as text')
  same(stored.references, [{ name: 'cn/money.proto', subject: 'cn/money.proto', version: 1 }])
  const latest = new ProtobufSerializer(client(), SerdeType.VALUE, { useLatestVersion: true, registry: known })
  same(await latest.serialize(topic, values[0]), written[0], 'the newest version, asked for')

  const retyped = structuredClone(PARCEL_FILE)
  retyped.messageType[1].field[0].type = 'TYPE_INT64'
  const changed = files(retyped)
  const broken = new ProtobufSerializer(client(), SerdeType.VALUE, { autoRegisterSchemas: true, registry: changed })
  const value = create(changed.getMessage('cn.Parcel'), { id: 5n })
  const why = await refused(409, 40901, () => broken.serialize(topic, value), 'an incompatible change')
  holds(why.includes('FIELD_SCALAR_KIND_CHANGED'), why)
}

async function protobufText() {
  const sr = client()
  const text = 'syntax = "proto3";\npackage cn;\nmessage T { string id = 1; }\n'
  const registered = await sr.register('cn-text', { schemaType: 'PROTOBUF', schema: text })
  const serialized = await client().getBySubjectAndId('cn-text', registered, 'serialized')
  holds(Buffer.from(serialized.schema, 'base64').includes('cn'), 'a compiled file, in base64')
  const found = await client().getIdFullResponse('cn-text', { schemaType: 'PROTOBUF', schema: serialized.schema }, true)
  same(found.id, registered, 'the compiled file and the text are one schema')
}

// --- JSON Schema --------------------------------------------------------------------------------------------------------

const ADDRESS = { $id: 'https://example.com/address.json', type: 'object', required: ['city'],
  properties: { city: { type: 'string' }, zip: { type: 'string', pattern: '^[0-9]{5}$' } } }
const PERSON = { title: 'Person', type: 'object', required: ['name'], additionalProperties: false,
  properties: { name: { type: 'string' }, age: { type: 'integer', minimum: 0 }, home: { $ref: ADDRESS.$id } } }
const json = (schema, references) => ({ schemaType: 'JSON', schema: JSON.stringify(schema), references })

async function jsonRecords(broker) {
  const topic = 'cn-people'
  await broker.create(topic)
  const sr = client()
  await sr.register('cn-address', json(ADDRESS))
  const references = [{ name: ADDRESS.$id, subject: 'cn-address', version: 1 }]
  await sr.register(`${topic}-value`, json(PERSON, references))
  const conf = { useLatestVersion: true, validate: true }
  const write = new JsonSerializer(client(), SerdeType.VALUE, conf)
  const value = { name: 'Ada', age: 36, home: { city: 'London', zip: '12345' } }
  const written = await write.serialize(topic, value)
  await broker.produce(topic, { value: written })
  const [message] = await broker.consume(topic, 1)
  same(message.value, written, 'records are kept byte for byte')
  same(await new JsonDeserializer(client(), SerdeType.VALUE, { validate: true }).deserialize(topic, message.value), value)
  const careless = new JsonSerializer(client(), SerdeType.VALUE, { useLatestVersion: true })
  for (const wrong of [{ name: 'Ada', age: -1 }, { age: 36 }, { name: 'Ada', home: { zip: '12345' } }]) {
    holds(`${await fails(() => write.serialize(topic, wrong), 'invalid data')}`.includes('Invalid message'), 'validated')
    await broker.refuses(topic, { value: await careless.serialize(topic, wrong) })
  }
}

async function jsonEvolves() {
  const sr = client()
  const closed = { ...PERSON, properties: { name: { type: 'string' }, age: { type: 'integer' } } }
  await sr.register('cn-json', json(closed))
  const tighter = { ...closed, required: ['name', 'age'] }
  const why = await refused(409, 40901, () => sr.register('cn-json', json(tighter)), 'tighter')
  holds(why.includes('REQUIRED_ATTRIBUTE_ADDED'), why)
  const wider = { ...closed, properties: { ...closed.properties, email: { type: 'string' } } }
  await sr.register('cn-json', json(wider))
  same(await client().getAllVersions('cn-json'), [1, 2])
}

async function main() {
  const broker = await new Broker(bootstrap).open()
  const part = (name, f) => [name, () => f(broker)]
  const { version } = require('@confluentinc/schemaregistry/package.json')
  await run(`@confluentinc/schemaregistry ${version}`, 'Avro, JSON Schema, Protobuf', [
    part('register, look up, evolve', calls),
    part('normalize', normalized),
    part('config', configs),
    part('Avro records', avroRecords),
    part('Avro references', avroReferences),
    part('metadata', metadata),
    part('rule sets', rules),
    part('deletes', deletes),
    part('contexts', contexts),
    part('GUIDs in headers', headers),
    part('compiled Protobuf', protobufText),
    part('Protobuf records and references', protobufRecords),
    part('JSON Schema records and references', jsonRecords),
    part('evolving JSON Schema', jsonEvolves),
  ])
  await broker.close()
}

main().catch(error => {
  console.error(error)
  process.exit(1)
})
