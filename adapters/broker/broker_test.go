package broker_test

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/twmb/franz-go/pkg/kfake"

	"rochdale/adapters/broker"
	"rochdale/adapters/fault"
	"rochdale/internal/loopback"
	"rochdale/internal/natstest"
)

func numbered(n int) *message.Message {
	msg := message.NewMessage(fmt.Sprint("id-", n), fmt.Appendf(nil, `{"n":%d}`, n))
	msg.Metadata.Set("content-type", "application/cloudevents+json")
	msg.Metadata.Set("partitionkey", fmt.Sprint("stream-", n%3))
	return msg
}

// publish publishes so many messages to a broker that is stopped in the middle, each again
// until it is taken, and tells away of every time that it is said to be away. It returns how
// often that was.
func publish(t *testing.T, p message.Publisher, all int, stop func(), away func(refused int)) (refused int) {
	t.Helper()
	for n := 1; n <= all; n++ {
		if n == all/2 {
			stop()
		}
		for deadline := time.Now().Add(time.Minute); ; {
			err := p.Publish("membership.admitted", numbered(n))
			if err == nil {
				break
			}
			if class, _ := fault.ClassOf(err); class != fault.Unavailable || time.Now().After(deadline) {
				t.Fatalf("message %d: %v", n, err)
			}
			refused++
			away(refused)
		}
	}
	return refused
}

// TestNATS: a real server keeps what was published in order, each once though it comes
// again, under its subject.
func TestNATS(t *testing.T) {
	url := natstest.Start(t)
	p, err := broker.Open(url + "/coop")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for _, n := range []int{1, 2, 3, 2, 4} { // as after a crash
		if err := p.Publish("membership.admitted", numbered(n)); err != nil {
			t.Fatal(err)
		}
	}
	big := message.NewMessage("big", make([]byte, 2<<20))
	if class, _ := fault.ClassOf(p.Publish("membership.admitted", big)); class != fault.Invalid {
		t.Errorf("what is too large is %q", class)
	}
	conn, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	consumer, err := js.CreateConsumer(ctx, "coop", jetstream.ConsumerConfig{AckPolicy: jetstream.AckExplicitPolicy, FilterSubject: "coop.membership.>"})
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= 4; n++ {
		msg, err := consumer.Next()
		if err != nil {
			t.Fatal(err)
		}
		if msg.Headers().Get("Nats-Msg-Id") != fmt.Sprint("id-", n) || msg.Headers().Get("content-type") != "application/cloudevents+json" ||
			string(msg.Data()) != fmt.Sprintf(`{"n":%d}`, n) || msg.Subject() != "coop.membership.admitted" {
			t.Errorf("%s %v %s", msg.Subject(), msg.Headers(), msg.Data())
		}
		if err := msg.Ack(); err != nil {
			t.Error(err)
		}
	}
	if info, err := consumer.Info(ctx); err != nil || info.NumPending != 0 {
		t.Errorf("more is there: %+v, %v", info, err)
	}
}

// TestNATSGoesAway in the middle: what it has not taken is said to be so, and once it is
// back each message is there once, in order, whatever was tried meanwhile.
func TestNATSGoesAway(t *testing.T) {
	server := natstest.New(t)
	p, err := broker.Open(server.URL + "/coop")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	const all = 40
	refused := publish(t, p, all, server.Stop, func(refused int) {
		if refused == 2 {
			server.Restart(t)
		}
	})
	if refused < 2 {
		t.Errorf("while it was away it was told so %d times", refused)
	}
	conn, err := nats.Connect(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	consumer, err := js.CreateConsumer(ctx, "coop", jetstream.ConsumerConfig{AckPolicy: jetstream.AckNonePolicy})
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= all; n++ {
		msg, err := consumer.Next()
		if err != nil {
			t.Fatal(err)
		}
		if string(msg.Data()) != fmt.Sprintf(`{"n":%d}`, n) {
			t.Fatalf("after %d messages comes %s", n-1, msg.Data())
		}
	}
	if info, err := consumer.Info(ctx); err != nil || info.NumPending != 0 {
		t.Errorf("more is there: %+v, %v", info, err)
	}
}

// TestKafka runs against a double of Kafka that speaks its protocol: what is of one key
// is in one partition, in order.
func TestKafka(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(3, "coop"))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	p, err := broker.Open("kafka://" + cluster.ListenAddrs()[0] + "/coop")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	const all = 30
	for n := range all {
		if err := p.Publish("membership.admitted", numbered(n)); err != nil {
			t.Fatal(err)
		}
	}
	consumer, err := sarama.NewConsumer(cluster.ListenAddrs(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer consumer.Close()
	seen, in := map[string][]string{}, map[string]int32{}
	got := make(chan *sarama.ConsumerMessage, all)
	for partition := range int32(3) {
		from, err := consumer.ConsumePartition("coop", partition, sarama.OffsetOldest)
		if err != nil {
			t.Fatal(err)
		}
		defer from.Close()
		go func() {
			for msg := range from.Messages() {
				got <- msg
			}
		}()
	}
	for range all {
		select {
		case msg := <-got:
			key := string(msg.Key)
			if was, known := in[key]; known && was != msg.Partition {
				t.Errorf("%s is in two partitions", key)
			}
			in[key], seen[key] = msg.Partition, append(seen[key], string(msg.Value))
		case <-time.After(30 * time.Second):
			t.Fatalf("only %v came", seen)
		}
	}
	for key, values := range seen {
		var first int
		if _, err := fmt.Sscanf(key, "stream-%d", &first); err != nil || len(values) != all/3 {
			t.Errorf("%s: %v, %v", key, values, err)
		}
		for i, value := range values {
			if want := fmt.Sprintf(`{"n":%d}`, first+3*i); value != want {
				t.Errorf("%s: %s instead of %s", key, value, want)
			}
		}
	}
}

// TestKafkaGoesAway in the middle, and comes back as another that knows nothing of us: what
// is published then is taken.
func TestKafkaGoesAway(t *testing.T) {
	where := loopback.Address(t)
	_, text, err := net.SplitHostPort(where)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(3, "coop"), kfake.Ports(port))
	if err != nil {
		t.Fatal(err)
	}
	p, err := broker.Open("kafka://" + where + "/coop")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	refused := publish(t, p, 40, cluster.Close, func(refused int) {
		if refused == 1 {
			if cluster, err = kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(3, "coop"), kfake.Ports(port)); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(cluster.Close)
		}
	})
	if refused == 0 {
		t.Error("while it was away nobody was told so")
	}
}

// TestAway: a broker that is away is waited for by whoever publishes.
func TestAway(t *testing.T) {
	for _, where := range []string{"nats://127.0.0.1:9", "kafka://127.0.0.1:9"} {
		p, err := broker.Open(where)
		if err != nil {
			t.Fatal(err)
		}
		if class, _ := fault.ClassOf(p.Publish("a.b", numbered(1))); class != fault.Unavailable {
			t.Errorf("%s: %q", where, class)
		}
		_ = p.Close()
	}
	for _, where := range []string{"amqp://host", "host:4222", "nats://"} {
		if _, err := broker.Open(where); err == nil {
			t.Errorf("%s was opened", where)
		}
	}
}

// BenchmarkHandOver measures how long a message is on its way through JetStream to a
// consumer of a group, with both acknowledgements. It is evidence of docs/adr/0018.
func BenchmarkHandOver(b *testing.B) {
	url := natstest.Start(b)
	p, err := broker.Open(url + "/work")
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	conn, err := nats.Connect(url)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		b.Fatal(err)
	}
	if err := p.Publish("mail", numbered(0)); err != nil { // which makes the stream
		b.Fatal(err)
	}
	consumer, err := js.CreateConsumer(b.Context(), "work", jetstream.ConsumerConfig{Durable: "workers", AckPolicy: jetstream.AckExplicitPolicy, DeliverPolicy: jetstream.DeliverNewPolicy})
	if err != nil {
		b.Fatal(err)
	}
	messages, err := consumer.Messages()
	if err != nil {
		b.Fatal(err)
	}
	defer messages.Stop()
	n := 0
	for b.Loop() {
		n++
		if err := p.Publish("mail", numbered(n)); err != nil {
			b.Fatal(err)
		}
		msg, err := messages.Next()
		if err != nil {
			b.Fatal(err)
		}
		if err := msg.DoubleAck(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
