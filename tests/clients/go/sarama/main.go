// sarama against the server: `sarama BOOTSTRAP` of an empty one; stops at the first surprise.
//
// With the oldest protocol that brokers speak since Kafka 4.0 and with the newest it knows: a producer with and without
// idempotence, a group whose members share and take over, a transaction with offsets, and the admin client.
package main

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/IBM/sarama"
)

const (
	partitions = 4
	wait       = 60 * time.Second
)

var bootstrap []string

func main() {
	bootstrap = []string{os.Args[1]}
	oldest, newest := sarama.NewConfig(), sarama.NewConfig()
	oldest.Version, newest.Version = sarama.V2_1_0_0, sarama.MaxVersion
	for name, config := range map[string]*sarama.Config{"oldest": oldest, "newest": newest} {
		config.Producer.Return.Successes = true
		config.Producer.RequiredAcks = sarama.WaitForAll
		config.Producer.Partitioner = sarama.NewManualPartitioner
		config.Consumer.Offsets.Initial = sarama.OffsetOldest
		// Without it 1.38 commits offsets with a version that no broker takes since Kafka 4.0.
		config.Consumer.Offsets.Retention = 24 * time.Hour
		config.Consumer.Group.Session.Timeout = 6 * time.Second
		config.Consumer.Group.Heartbeat.Interval = 200 * time.Millisecond
		admin, err := sarama.NewClusterAdmin(bootstrap, config)
		must(err)
		groups("sarama-"+name, config, admin)
		administration("sarama-"+name, admin)
		must(admin.Close())
	}
	transactions(*newest)
	fmt.Printf("client %s | groups, transactions | protocol of %s and %s, idempotent, range and sticky, take-over, "+
		"offsets in transactions, administration\n", version(), oldest.Version, newest.Version)
}

func produce(topic string, config *sarama.Config, from, to int) {
	producer, err := sarama.NewSyncProducer(bootstrap, config)
	must(err)
	for value := from; value < to; value++ {
		_, _, err := producer.SendMessage(message(topic, value))
		must(err)
	}
	must(producer.Close())
}

func message(topic string, value int) *sarama.ProducerMessage {
	text := sarama.StringEncoder(strconv.Itoa(value))
	return &sarama.ProducerMessage{Topic: topic, Partition: int32(value % partitions), Value: text}
}

// A member of a group: what it reads goes to `read`, what it has is in `claims`.
type member struct {
	group   sarama.ConsumerGroup
	read    chan int
	stop    context.CancelFunc
	stopped sync.WaitGroup
	lock    sync.Mutex
	claims  int
}

func join(name, topic string, config *sarama.Config, read chan int) *member {
	group, err := sarama.NewConsumerGroup(bootstrap, name, config)
	must(err)
	over, stop := context.WithCancel(context.Background())
	joined := &member{group: group, read: read, stop: stop}
	joined.stopped.Add(1)
	go func() {
		defer joined.stopped.Done()
		for over.Err() == nil {
			must(group.Consume(over, []string{topic}, joined))
		}
	}()
	return joined
}

func (m *member) Setup(session sarama.ConsumerGroupSession) error {
	count := 0
	for _, claimed := range session.Claims() {
		count += len(claimed)
	}
	m.has(count)
	return nil
}

func (m *member) Cleanup(sarama.ConsumerGroupSession) error {
	m.has(0)
	return nil
}

func (m *member) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for message := range claim.Messages() {
		value, err := strconv.Atoi(string(message.Value))
		must(err)
		// Committed by and by, and when the session is over.
		session.MarkMessage(message, "")
		m.read <- value
	}
	return nil
}

func (m *member) has(count int) {
	m.lock.Lock()
	defer m.lock.Unlock()
	m.claims = count
}

func (m *member) had() int {
	m.lock.Lock()
	defer m.lock.Unlock()
	return m.claims
}

func (m *member) leave() {
	m.stop()
	m.stopped.Wait()
	must(m.group.Close())
}

func groups(topic string, config *sarama.Config, admin sarama.ClusterAdmin) {
	must(admin.CreateTopic(topic, &sarama.TopicDetail{NumPartitions: partitions, ReplicationFactor: 1}, false))
	produce(topic, config, 0, 20)
	idempotent := *config
	idempotent.Producer.Idempotent = true
	idempotent.Net.MaxOpenRequests = 1
	produce(topic, &idempotent, 20, 40)
	read := make(chan int, 100)
	first := join(topic, topic, config, read)
	areRead(read, 0, 40)
	second := join(topic, topic, config, read)
	until("two halves", func() bool { return first.had() == 2 && second.had() == 2 })
	produce(topic, config, 40, 60)
	areRead(read, 40, 60)
	described, err := admin.DescribeConsumerGroups([]string{topic})
	must(err)
	same(described[0].State, "Stable", topic)
	same(len(described[0].Members), 2, topic)
	first.leave()
	until("all", func() bool { return second.had() == partitions })
	produce(topic, config, 60, 80)
	areRead(read, 60, 80)
	second.leave()
	offsets, err := admin.ListConsumerGroupOffsets(topic, map[string][]int32{topic: {0, 1, 2, 3}})
	must(err)
	for partition := int32(0); partition < partitions; partition++ {
		same(offsets.GetBlock(topic, partition).Offset, 20, topic)
	}
}

func areRead(read chan int, from, to int) {
	missing := map[int]bool{}
	for value := from; value < to; value++ {
		missing[value] = true
	}
	end := time.After(wait)
	for len(missing) > 0 {
		select {
		case value := <-read:
			holds(missing[value], fmt.Sprintf("%d was read, not one of %v", value, missing))
			delete(missing, value)
		case <-end:
			panic(fmt.Sprintf("not read: %v", missing))
		}
	}
}

func transactions(config sarama.Config) {
	const topic = "sarama-newest-again"
	admin, err := sarama.NewClusterAdmin(bootstrap, &config)
	must(err)
	must(admin.CreateTopic(topic, &sarama.TopicDetail{NumPartitions: partitions, ReplicationFactor: 1}, false))
	config.Producer.Idempotent = true
	config.Producer.Transaction.ID = "sarama"
	config.Net.MaxOpenRequests = 1
	config.Consumer.IsolationLevel = sarama.ReadCommitted
	producer, err := sarama.NewSyncProducer(bootstrap, &config)
	must(err)
	for transaction := 0; transaction < 4; transaction++ {
		must(producer.BeginTxn())
		for value := 0; value < 10; value++ {
			_, _, err := producer.SendMessage(message(topic, transaction*10+value))
			must(err)
		}
		if transaction%2 == 0 {
			must(producer.AbortTxn())
			continue
		}
		moved := map[string][]*sarama.PartitionOffsetMetadata{topic: {{Partition: 0, Offset: int64(transaction)}}}
		must(producer.AddOffsetsToTxn(moved, "sarama-offsets"))
		must(producer.CommitTxn())
	}
	must(producer.Close())
	read := make(chan int, 100)
	reader := join("sarama-committed", topic, &config, read)
	got := map[int]bool{}
	for len(got) < 20 {
		select {
		case value := <-read:
			same(value/10%2, 1, "a transaction that was read")
			got[value] = true
		case <-time.After(wait):
			panic(fmt.Sprintf("only %v", got))
		}
	}
	reader.leave()
	offsets, err := admin.ListConsumerGroupOffsets("sarama-offsets", map[string][]int32{topic: {0}})
	must(err)
	same(offsets.GetBlock(topic, 0).Offset, 3, "the offset of the last transaction")
	must(admin.Close())
}

func administration(topic string, admin sarama.ClusterAdmin) {
	topics, err := admin.ListTopics()
	must(err)
	same(topics[topic].NumPartitions, partitions, topic)
	configs, err := admin.DescribeConfig(sarama.ConfigResource{Type: sarama.TopicResource, Name: topic})
	must(err)
	holds(len(configs) > 10, fmt.Sprint(configs))
	value := "100000"
	must(admin.AlterConfig(sarama.TopicResource, topic, map[string]*string{"max.message.bytes": &value}, false))
	must(admin.CreatePartitions(topic, partitions+1, nil, false))
	listed, err := admin.ListConsumerGroups()
	must(err)
	same(listed[topic], "consumer", topic)
	must(admin.DeleteConsumerGroup(topic))
	must(admin.DeleteTopic(topic))
	topics, err = admin.ListTopics()
	must(err)
	_, there := topics[topic]
	holds(!there, "the topic is gone")
}

func until(what string, condition func() bool) {
	end := time.Now().Add(wait)
	for !condition() {
		holds(time.Now().Before(end), what)
		time.Sleep(10 * time.Millisecond)
	}
}

// Its name and version as they are linked.
func version() string {
	info, _ := debug.ReadBuildInfo()
	for _, dependency := range info.Deps {
		if strings.HasSuffix(dependency.Path, "/sarama") {
			return "sarama " + dependency.Version
		}
	}
	return "sarama"
}

func must(err error) {
	holds(err == nil, fmt.Sprint(err))
}

func same(found, wanted any, what string) {
	holds(fmt.Sprint(found) == fmt.Sprint(wanted), fmt.Sprintf("%s: found %v, wanted %v", what, found, wanted))
}

func holds(condition bool, what string) {
	if !condition {
		panic(what)
	}
}
