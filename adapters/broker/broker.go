// Package broker publishes messages to NATS JetStream or Kafka, by watermill. What is
// published was taken, and is kept there, when it returns.
package broker

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/IBM/sarama"
	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill-kafka/v3/pkg/kafka"
	wmnats "github.com/ThreeDotsLabs/watermill-nats/v2/pkg/nats"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"rochdale/adapters/fault"
)

// Open returns a publisher to a broker: nats://HOST:PORT/STREAM or
// kafka://HOST:PORT,HOST:PORT/TOPIC. A broker that is away is waited for when something
// is published, and not before.
func Open(where string) (message.Publisher, error) {
	u, err := url.Parse(where)
	if err != nil || u.Host == "" {
		return nil, errors.New("a broker is named like nats://host:4222 or kafka://host:9092,other:9092/topic")
	}
	name := strings.Trim(u.Path, "/")
	if name == "" {
		name = "rochdale"
	}
	switch u.Scheme {
	case "nats", "tls":
		u.Path = ""
		return openNATS(u.String(), name)
	case "kafka":
		return &kafkaPublisher{brokers: strings.Split(u.Host, ","), topic: name}, nil
	}
	return nil, errors.New("a broker is named by nats:// or kafka://, not " + u.Scheme + "://")
}

// natsPublisher publishes to a stream of its own, under subjects that begin with its
// name: the topic of each message comes after that. Messages that come again within
// two minutes are known by their ids, and not kept twice.
type natsPublisher struct {
	*wmnats.Publisher
	conn *nats.Conn
	name string
}

func openNATS(server, name string) (message.Publisher, error) {
	conn, err := nats.Connect(server, nats.Name("rochdale"), nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1), nats.ReconnectWait(500*time.Millisecond))
	if err != nil {
		return nil, err
	}
	p, err := wmnats.NewPublisherWithNatsConn(conn, wmnats.PublisherPublishConfig{
		Marshaler: &wmnats.NATSMarshaler{}, SubjectCalculator: wmnats.DefaultSubjectCalculator,
		JetStream: wmnats.JetStreamConfig{TrackMsgId: true},
	}, watermill.NopLogger{})
	if err != nil {
		conn.Close()
		return nil, err
	}
	return &natsPublisher{p, conn, name}, nil
}

// Publish is that of [message.Publisher].
func (p *natsPublisher) Publish(topic string, messages ...*message.Message) error {
	err := p.Publisher.Publish(p.name+"."+topic, messages...)
	if errors.Is(err, nats.ErrNoStreamResponse) || errors.Is(err, nats.ErrNoResponders) { // there is no such stream yet
		if err = p.make(); err == nil {
			err = p.Publisher.Publish(p.name+"."+topic, messages...)
		}
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, nats.ErrMaxPayload):
		return fault.New(fault.Invalid, "", "publish to NATS: %w", err)
	}
	return fault.New(fault.Unavailable, "", "publish to NATS: %w", err)
}

// make makes the stream, unless it is there: then it is as its operator has it.
func (p *natsPublisher) make() error {
	js, err := jetstream.New(p.conn)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_, err = js.CreateStream(ctx, jetstream.StreamConfig{
		Name: p.name, Subjects: []string{p.name + ".>"}, Storage: jetstream.FileStorage, Duplicates: 2 * time.Minute,
	})
	if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
		return nil
	}
	return err
}

// Close is that of [message.Publisher].
func (p *natsPublisher) Close() error {
	p.conn.Close()
	return nil
}

// kafkaPublisher publishes to one topic. Messages of one key come to one partition,
// and so in order.
type kafkaPublisher struct {
	brokers []string
	topic   string

	mu   sync.Mutex
	open *kafka.Publisher
}

// connected returns the open publisher, which it opens the first time.
func (p *kafkaPublisher) connected() (*kafka.Publisher, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open == nil {
		config := kafka.DefaultSaramaSyncPublisherConfig()
		config.ClientID = "rochdale"
		config.Producer.RequiredAcks = sarama.WaitForAll
		config.Producer.Idempotent = true
		config.Net.MaxOpenRequests = 1 // which idempotence asks for
		config.Metadata.Retry.Max, config.Metadata.Retry.Backoff = 1, 250*time.Millisecond
		open, err := kafka.NewPublisher(kafka.PublisherConfig{
			Brokers: p.brokers, OverwriteSaramaConfig: config,
			Marshaler: kafka.NewWithPartitioningMarshaler(func(_ string, msg *message.Message) (string, error) {
				return msg.Metadata.Get("partitionkey"), nil
			}),
		}, watermill.NopLogger{})
		if err != nil {
			return nil, fault.New(fault.Unavailable, "", "connect to Kafka: %w", err)
		}
		p.open = open
	}
	return p.open, nil
}

// Publish is that of [message.Publisher].
func (p *kafkaPublisher) Publish(_ string, messages ...*message.Message) error {
	open, err := p.connected()
	if err != nil {
		return err
	}
	err = open.Publish(p.topic, messages...)
	if errors.Is(err, sarama.ErrMessageSizeTooLarge) {
		return fault.New(fault.Invalid, "", "publish to Kafka: %w", err)
	}
	if err != nil {
		return fault.New(fault.Unavailable, "", "publish to Kafka: %w", err)
	}
	return nil
}

// Close is that of [message.Publisher].
func (p *kafkaPublisher) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open == nil {
		return nil
	}
	return p.open.Close()
}
