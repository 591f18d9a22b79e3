// Groups and transactions as Node's clients see them: kafkajs and @platformatic/kafka. `groups.js BOOTSTRAP REGISTRY`.
'use strict'
const { Kafka, Partitioners, logLevel } = require('kafkajs')
const { Admin, Consumer, Producer, ProduceAcks, stringDeserializers, stringSerializers } = require('@platformatic/kafka')
const { holds, run, same } = require('./live')

const [bootstrap] = process.argv.slice(2)
const PARTITIONS = 4
const WAIT = 60_000
const versionOf = name => JSON.parse(require('node:fs').readFileSync(
  `${process.env.NODE_PATH}/${name}/package.json`, 'utf8')).version

const numbers = (from, to) => Array.from({ length: to - from }, (_, n) => from + n)

// Values that come in, whoever brings them.
class Inbox {
  values = []
  waiting = null

  put(value) {
    this.values.push(Number(value))
    this.waiting?.()
  }

  // So many, sorted; what comes later is for the next call.
  async take(count, what) {
    const late = setTimeout(() => { throw new Error(`${what}: only ${this.values.length} of ${count} came`) }, WAIT)
    while (this.values.length < count) await new Promise(resolve => { this.waiting = resolve })
    clearTimeout(late)
    return this.values.splice(0, count).sort((a, b) => a - b)
  }
}

// --- kafkajs ------------------------------------------------------------------------------------------------------------

const kafka = new Kafka({ brokers: [bootstrap], clientId: 'tests', logLevel: logLevel.NOTHING })

async function produce(topic, from, to) {
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner, idempotent: true })
  await producer.connect()
  const messages = numbers(from, to).map(n => ({ partition: n % PARTITIONS, value: `${n}` }))
  await producer.send({ topic, acks: -1, messages })
  await producer.disconnect()
}

// A running member; `assigned` tells the partitions of each assignment.
async function member(groupId, topic, inbox) {
  const consumer = kafka.consumer({ groupId, sessionTimeout: 6000, heartbeatInterval: 200, rebalanceTimeout: 6000 })
  const joined = []
  let noticed = null
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    joined.push((payload.memberAssignment[topic] || []).length)
    noticed?.()
  })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({ autoCommitThreshold: 1, eachMessage: async ({ message }) => inbox.put(message.value) })
  return {
    leave: () => consumer.disconnect(),
    async has(count) {
      const late = setTimeout(() => { throw new Error(`${topic}: ${joined} partitions, not ${count}`) }, WAIT)
      while (joined.at(-1) !== count) await new Promise(resolve => { noticed = resolve })
      clearTimeout(late)
    },
  }
}

async function kafkajsGroups() {
  const topic = 'kafkajs-groups'
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic, numPartitions: PARTITIONS }] })
  await produce(topic, 0, 40)
  const inbox = new Inbox()
  const first = await member(topic, topic, inbox)
  same(await inbox.take(40, topic), numbers(0, 40))
  const second = await member(topic, topic, inbox)
  await Promise.all([first.has(2), second.has(2)])
  await produce(topic, 40, 60)
  same(await inbox.take(20, topic), numbers(40, 60))
  const { groups: [described] } = await admin.describeGroups([topic])
  same([described.state, described.members.length], ['Stable', 2])
  await first.leave()
  await second.has(PARTITIONS)
  await produce(topic, 60, 80)
  same(await inbox.take(20, topic), numbers(60, 80))
  await second.leave()
  const [offsets] = await admin.fetchOffsets({ groupId: topic, topics: [topic] })
  same(offsets.partitions.map(({ offset }) => offset), ['20', '20', '20', '20'])
  await admin.setOffsets({ groupId: topic, topic, partitions: [{ partition: 0, offset: '18' }] })
  const again = await member(topic, topic, inbox)
  same(await inbox.take(2, topic), [72, 76])
  await again.leave()
  holds((await admin.listGroups()).groups.some(({ groupId }) => groupId === topic), 'listed')
  await admin.deleteGroups([topic])
  await admin.deleteTopics({ topics: [topic] })
  holds(!(await admin.listTopics()).includes(topic), 'deleted')
  await admin.disconnect()
}

async function kafkajsTransactions() {
  const topic = 'kafkajs-transactions'
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic, numPartitions: PARTITIONS }] })
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner, transactionalId: 'kafkajs',
    maxInFlightRequests: 1, idempotent: true })
  await producer.connect()
  for (const number of numbers(0, 4)) {
    const transaction = await producer.transaction()
    const messages = numbers(number * 10, number * 10 + 10).map(n => ({ partition: n % PARTITIONS, value: `${n}` }))
    await transaction.send({ topic, messages })
    if (number % 2) {
      const topics = [{ topic, partitions: [{ partition: 0, offset: `${number}` }] }]
      await transaction.sendOffsets({ consumerGroupId: 'kafkajs-offsets', topics })
      await transaction.commit()
    } else {
      await transaction.abort()
    }
  }
  await producer.disconnect()
  const inbox = new Inbox()
  const reader = await member('kafkajs-committed', topic, inbox)
  same(await inbox.take(20, topic), [...numbers(10, 20), ...numbers(30, 40)])
  await reader.leave()
  const [offsets] = await admin.fetchOffsets({ groupId: 'kafkajs-offsets', topics: [topic] })
  same(offsets.partitions.find(({ partition }) => partition === 0).offset, '3')
  await admin.disconnect()
}

// --- @platformatic/kafka --------------------------------------------------------------------------------------------------

const common = { clientId: 'tests', bootstrapBrokers: [bootstrap] }

async function send(topic, from, to) {
  const producer = new Producer({ ...common, serializers: stringSerializers, idempotent: true, acks: ProduceAcks.ALL })
  await producer.send({ messages: numbers(from, to).map(n => ({ topic, partition: n % PARTITIONS, value: `${n}` })) })
  await producer.close()
}

async function reads(groupId, topic, inbox) {
  const consumer = new Consumer({ ...common, groupId, deserializers: stringDeserializers })
  const stream = await consumer.consume({ topics: [topic], autocommit: true, mode: 'committed', fallbackMode: 'earliest',
    sessionTimeout: 6000, heartbeatInterval: 200, rebalanceTimeout: 6000, isolationLevel: 1, maxWaitTime: 500 })
  stream.on('data', message => inbox.put(message.value))
  stream.on('error', error => { throw new Error(`${error.message}: ${error.errors?.[0]?.errors?.[0]?.message}`) })
  return consumer
}

async function platformaticGroups() {
  const topic = 'platformatic-groups'
  const admin = new Admin(common)
  await admin.createTopics({ topics: [topic], partitions: PARTITIONS, replicas: 1 })
  await send(topic, 0, 40)
  const inbox = new Inbox()
  const first = await reads(topic, topic, inbox)
  same(await inbox.take(40, topic), numbers(0, 40))
  await first.close(true)
  await send(topic, 40, 60)
  const second = await reads(topic, topic, inbox)
  same(await inbox.take(20, topic), numbers(40, 60))
  const described = (await admin.describeGroups({ groups: [topic] })).get(topic)
  same([described.state, described.members.size], ['STABLE', 1])
  await second.close(true)
  const [{ topics: [{ partitions }] }] = await admin.listConsumerGroupOffsets({ groups: [topic] })
  same(partitions.map(({ committedOffset }) => committedOffset), [15n, 15n, 15n, 15n])
  const { configs } = (await admin.describeConfigs({ resources: [{ resourceType: 2, resourceName: topic }] }))[0]
  holds(configs.some(({ name }) => name === 'retention.ms'), 'settings')
  await admin.deleteGroups({ groups: [topic] })
  await admin.deleteTopics({ topics: [topic] })
  holds(!(await admin.listTopics()).includes(topic), 'deleted')
  await admin.close()
}

async function platformaticTransactions() {
  const topic = 'platformatic-transactions'
  const admin = new Admin(common)
  await admin.createTopics({ topics: [topic], partitions: PARTITIONS, replicas: 1 })
  const producer = new Producer({ ...common, serializers: stringSerializers, idempotent: true, transactionalId: 'platformatic' })
  // It knows one aborted transaction of a producer in what it fetches, so there is one.
  for (const number of numbers(0, 3)) {
    const transaction = await producer.beginTransaction()
    await transaction.send({ messages: numbers(number * 10, number * 10 + 10)
      .map(n => ({ topic, partition: n % PARTITIONS, value: `${n}` })) })
    await (number === 1 ? transaction.abort() : transaction.commit())
  }
  await producer.close()
  const inbox = new Inbox()
  const reader = await reads('platformatic-committed', topic, inbox)
  same(await inbox.take(20, topic), [...numbers(0, 10), ...numbers(20, 30)])
  await reader.close(true)
  await admin.close()
}

async function main() {
  await run(`kafkajs ${versionOf('kafkajs')}`, 'groups, transactions', [
    ['two members, take-over, offsets moved and deleted', kafkajsGroups],
    ['transactions with offsets', kafkajsTransactions],
  ])
  await run(`@platformatic/kafka ${versionOf('@platformatic/kafka')}`, 'groups, transactions', [
    ['a member and its successor, administration', platformaticGroups],
    ['transactions', platformaticTransactions],
  ])
}

main().then(() => process.exit(0), error => { console.error(error); process.exit(1) })
