// franz-go against the server: `franz BOOTSTRAP` of an empty one; stops at the first surprise.
//
// An idempotent producer, a group whose members share and take over, reading and writing in one transaction with a
// session that is aborted and one that commits, and the admin client.
package main

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	partitions = 4
	wait       = 60 * time.Second
)

var bootstrap string

func main() {
	bootstrap = os.Args[1]
	context, cancel := context.WithTimeout(context.Background(), 3*wait)
	defer cancel()
	admin := kadm.NewClient(client())
	defer admin.Close()
	groups(context, admin)
	transactions(context, admin)
	administration(context, admin)
	fmt.Printf("client franz-go %s | groups, transactions | idempotent, cooperative-sticky, take-over, "+
		"consume-transform-produce, administration\n", version("github.com/twmb/franz-go"))
}

func client(options ...kgo.Opt) *kgo.Client {
	made, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(bootstrap)}, options...)...)
	must(err)
	return made
}

func create(context context.Context, admin *kadm.Client, topic string) {
	_, err := admin.CreateTopic(context, partitions, 1, nil, topic)
	must(err)
}

func produce(context context.Context, topic string, from, to int) {
	producer := client(kgo.DefaultProduceTopic(topic), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	defer producer.Close()
	for value := from; value < to; value++ {
		record := &kgo.Record{Partition: int32(value % partitions), Value: []byte(strconv.Itoa(value))}
		producer.Produce(context, record, func(_ *kgo.Record, err error) { must(err) })
	}
	must(producer.Flush(context))
}

func member(group, topic string, options ...kgo.Opt) *kgo.Client {
	return client(append(options, kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit(),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))...)
}

// What a poll brings within a moment.
func poll(over context.Context, member *kgo.Client) []int {
	moment, cancel := context.WithTimeout(over, 50*time.Millisecond)
	defer cancel()
	fetches := member.PollFetches(moment)
	must(over.Err())
	var values []int
	fetches.EachRecord(func(record *kgo.Record) {
		value, err := strconv.Atoi(string(record.Value))
		must(err)
		values = append(values, value)
	})
	return values
}

// So many values by all members together, committed by who read them.
func read(context context.Context, count int, members ...*kgo.Client) []int {
	var values []int
	for len(values) < count {
		for _, member := range members {
			if found := poll(context, member); len(found) > 0 {
				values = append(values, found...)
				must(member.CommitUncommittedOffsets(context))
			}
		}
	}
	slices.Sort(values)
	return values
}

func groups(context context.Context, admin *kadm.Client) {
	const topic = "franz-groups"
	create(context, admin, topic)
	produce(context, topic, 0, 40)
	first := member(topic, topic)
	same(read(context, 40, first), numbers(0, 40), "one member")
	second := member(topic, topic)
	for {
		poll(context, first)
		poll(context, second)
		described, err := admin.DescribeGroups(context, topic)
		must(err)
		if group := described[topic]; group.State == "Stable" && len(group.Members) == 2 {
			break
		}
	}
	produce(context, topic, 40, 60)
	same(read(context, 20, first, second), numbers(40, 60), "two members")
	first.Close()
	produce(context, topic, 60, 80)
	same(read(context, 20, second), numbers(60, 80), "who is left")
	second.Close()
	lags, err := admin.Lag(context, topic)
	must(err)
	same(lags[topic].Lag.Total(), int64(0), "lag")
}

// Reads, writes and commits in one transaction: the first is aborted and so read again.
func transactions(context context.Context, admin *kadm.Client) {
	const in, out, group = "franz-in", "franz-out", "franz-transform"
	create(context, admin, in)
	create(context, admin, out)
	produce(context, in, 0, 20)
	session, err := kgo.NewGroupTransactSession(kgo.SeedBrokers(bootstrap), kgo.TransactionalID("franz"),
		kgo.ConsumerGroup(group), kgo.ConsumeTopics(in), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.RequireStableFetchOffsets())
	must(err)
	defer session.Close()
	read := 0
	for aborted := false; read < 20; {
		fetches := session.PollFetches(context)
		must(fetches.Err())
		must(session.Begin())
		fetches.EachRecord(func(record *kgo.Record) {
			session.Produce(context, &kgo.Record{Topic: out, Value: record.Value}, func(_ *kgo.Record, err error) { must(err) })
		})
		if !aborted {
			aborted = true
			must(session.Client().Flush(context))
			committed, err := session.End(context, kgo.TryAbort)
			must(err)
			same(committed, false, "an aborted transaction")
			continue
		}
		committed, err := session.End(context, kgo.TryCommit)
		must(err)
		if committed {
			read += fetches.NumRecords()
		}
	}
	reader := member("franz-check", out)
	defer reader.Close()
	var values []int
	for len(values) < 20 {
		values = append(values, poll(context, reader)...)
	}
	slices.Sort(values)
	same(values, numbers(0, 20), "what was committed")
	ends, err := admin.ListEndOffsets(context, out)
	must(err)
	records := int64(0)
	ends.Each(func(end kadm.ListedOffset) { records += end.Offset })
	holds(records > 40, fmt.Sprintf("the log has the aborted ones and the markers too: %d", records))
}

func administration(context context.Context, admin *kadm.Client) {
	const topic = "franz-groups"
	value := "100000"
	altered, err := admin.AlterTopicConfigs(context, []kadm.AlterConfig{{Name: "max.message.bytes", Value: &value}}, topic)
	must(err)
	_, err = altered.On(topic, func(one *kadm.AlterConfigsResponse) error { return one.Err })
	must(err)
	described, err := admin.DescribeTopicConfigs(context, topic)
	must(err)
	resource, err := described.On(topic, nil)
	must(err)
	found := ""
	for _, config := range resource.Configs {
		if config.Key == "max.message.bytes" {
			found = config.MaybeValue()
		}
	}
	same(found, value, "the setting")
	deleted, err := admin.DeleteGroups(context, topic)
	must(err)
	must(deleted.Error())
	topics, err := admin.DeleteTopics(context, topic)
	must(err)
	must(topics.Error())
	listed, err := admin.ListTopics(context)
	must(err)
	holds(!listed.Has(topic), "the topic is gone")
}

func numbers(from, to int) []int {
	var all []int
	for n := from; n < to; n++ {
		all = append(all, n)
	}
	return all
}

func version(module string) string {
	info, _ := debug.ReadBuildInfo()
	for _, dependency := range info.Deps {
		if dependency.Path == module {
			return dependency.Version
		}
	}
	return "?"
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
