// What the Node suites share: checks that are counted, and the broker as kafkajs sees it.
'use strict'
const assert = require('node:assert')
const { Kafka, Partitioners, logLevel } = require('kafkajs')
// kafkajs only consumes within a group; without one its own Fetch is called one layer down.
const Cluster = require('kafkajs/src/cluster')

const INVALID_RECORD = 87
const quiet = Object.assign(() => {}, { namespace: () => quiet })
for (const level of ['debug', 'info', 'warn', 'error']) quiet[level] = () => {}

let checks = 0

function same(found, wanted, what = '') {
  checks += 1
  assert.deepStrictEqual(found, wanted, what && `${what}\n  found  ${text(found)}\n  wanted ${text(wanted)}`)
}

function holds(condition, what) {
  checks += 1
  assert.ok(condition, what)
}

const text = value => JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? `${v}n` : v))

// The call must be refused; answers the error.
async function fails(call, what) {
  checks += 1
  let answer
  try {
    answer = await call()
  } catch (error) {
    return error
  }
  throw new assert.AssertionError({ message: `${what}: was not refused but answered ${text(answer)}` })
}

// `parts` are `[capability, function]`. One line a capability, then the client's line in the matrix.
async function run(client, formats, parts) {
  const told = []
  for (const [capability, part] of parts) {
    const before = checks
    await part()
    told.push(capability)
    console.log(`  ${client}: ${capability}: ${checks - before} checks`)
  }
  console.log(`client ${client} | ${formats} | ${told.join(', ')}`)
}

class Broker {
  constructor(bootstrap) {
    this.kafka = new Kafka({ brokers: [bootstrap], clientId: 'tests', logLevel: logLevel.NOTHING, retry: { retries: 0 } })
    this.admin = this.kafka.admin()
    this.producer = this.kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner })
    this.cluster = new Cluster({ logger: quiet, brokers: [bootstrap], clientId: 'tests', metadataMaxAge: 300_000,
      connectionTimeout: 10_000, isolationLevel: 1, socketFactory: require('kafkajs/src/network/socketFactory')() })
  }

  async open() {
    await Promise.all([this.admin.connect(), this.producer.connect(), this.cluster.connect()])
    return this
  }

  close() {
    return Promise.all([this.admin.disconnect(), this.producer.disconnect(), this.cluster.disconnect()])
  }

  create(topic, config = {}) {
    const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }))
    return this.admin.createTopics({ topics: [{ topic, numPartitions: 1, configEntries }] })
  }

  // Every message must be acknowledged.
  async produce(topic, ...messages) {
    const [answer] = await this.producer.send({ topic, acks: -1, messages })
    same(answer.errorCode, 0, topic)
  }

  // The guard refuses the message.
  async refuses(topic, message) {
    const error = await fails(() => this.producer.send({ topic, acks: -1, messages: [message] }), topic)
    same((error.cause || error).code ?? error.type, INVALID_RECORD, `${topic}: ${error}`)
  }

  // The first `count` records, their values and headers.
  async consume(topic, count) {
    await this.cluster.addTargetTopic(topic)
    const [{ leader }] = this.cluster.findTopicPartitionMetadata(topic)
    const broker = await this.cluster.findBroker({ nodeId: `${leader}` })
    const records = []
    while (records.length < count) {
      const partitions = [{ partition: 0, fetchOffset: `${records.length}`, maxBytes: 1 << 20 }]
      const { responses } = await broker.fetch({ maxWaitTime: 5000, minBytes: 1, isolationLevel: 1,
        topics: [{ topic, partitions }] })
      const { errorCode, messages } = responses[0].partitions[0]
      same(errorCode, 0, topic)
      holds(messages.length > 0, `${topic}: nothing came within 5 s, ${records.length} of ${count}`)
      records.push(...messages)
    }
    return records.slice(0, count)
  }
}

module.exports = { Broker, fails, holds, run, same }
