package processes

import (
	"context"
	"encoding/json"

	"github.com/ThreeDotsLabs/watermill/message"

	"rochdale/eventstore"
	"rochdale/processes/feed"
)

// relayParts is how many relays are at work at once, on whichever nodes: events of one
// stream are always with the same.
const relayParts = 4

// Relay publishes every event to a broker, from the first on: in its envelope, under
// its own id, by which who reads it knows one that comes again, and under its type as
// the topic. The events of one stream come in order, each when the one before it was
// taken. One that the broker will never take is a dead letter.
func Relay(s *eventstore.Store, name string, to message.Publisher, in feed.Envelope, personal bool) Process {
	return Process{
		Name: name, All: true, Parts: relayParts,
		Handle: func(ctx context.Context, rec eventstore.Record, _ any) error {
			event, err := feed.Of(ctx, s, rec, personal)
			if err != nil {
				return err
			}
			body, err := json.Marshal(in.Of(event))
			if err != nil {
				return err
			}
			msg := message.NewMessage(rec.ID.String(), body)
			msg.Metadata.Set("content-type", feed.MediaType)
			msg.Metadata.Set("partitionkey", string(rec.Stream))
			msg.SetContext(ctx)
			return to.Publish(rec.Type, msg)
		},
	}
}
