package feed

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
)

// The media types of CloudEvents in JSON.
const (
	MediaType      = "application/cloudevents+json"
	BatchMediaType = "application/cloudevents-batch+json"
)

// A CloudEvent is an event in the envelope of CloudEvents 1.0, in its JSON form.
// Source and id together are of this event alone, and the same however and however
// often it is told.
type CloudEvent struct {
	SpecVersion     string    `json:"specversion"`
	ID              uuid.UUID `json:"id"`
	Source          string    `json:"source"`
	Type            string    `json:"type"`    // with the edition, like "rochdale.membership.admitted.v2"
	Subject         string    `json:"subject"` // the stream: what it happened to
	Time            time.Time `json:"time"`
	DataContentType string    `json:"datacontenttype"`
	DataSchema      string    `json:"dataschema"`

	// Sequence is the position in the log, in 19 digits so that it is ordered as text.
	Sequence      string     `json:"sequence"`
	PartitionKey  string     `json:"partitionkey"` // events of one key come in order
	Actor         string     `json:"actor"`
	CorrelationID uuid.UUID  `json:"correlationid"`
	CausationID   *uuid.UUID `json:"causationid,omitempty"`

	Data json.RawMessage `json:"data"`
}

// An Envelope puts events of one co-op into their envelopes. The log does not keep
// what traces requests were part of, so that there is no traceparent.
type Envelope struct {
	// URL is that under which people reach the co-op, and becomes the source of its
	// events. Where there is none, they have a source without a host.
	URL string
}

// Source returns what names the co-op.
func (e Envelope) Source() string {
	if e.URL == "" {
		return "urn:rochdale"
	}
	return strings.TrimSuffix(e.URL, "/")
}

// Schema returns where the schema of an edition of a type is served, or its name where
// nothing is known to serve it.
func (e Envelope) Schema(kind string, edition int) string {
	if e.URL == "" {
		return SchemaID(kind, edition)
	}
	return fmt.Sprintf("%s/schemas/%s/%d.json", e.Source(), kind, edition)
}

// SchemaID returns the name that the schema of an edition of a type has everywhere.
func SchemaID(kind string, edition int) string {
	return fmt.Sprintf("urn:rochdale:event:%s:%d", kind, edition)
}

// Type returns the type that events of an edition have in their envelopes.
func Type(kind string, edition int) string { return fmt.Sprintf("rochdale.%s.v%d", kind, edition) }

// Of puts an event into its envelope.
func (e Envelope) Of(ev Event) CloudEvent {
	c := CloudEvent{
		SpecVersion: "1.0", ID: ev.ID, Source: e.Source(), Type: Type(ev.Type, ev.Edition), Subject: string(ev.Stream), Time: ev.RecordedAt,
		DataContentType: "application/json", DataSchema: e.Schema(ev.Type, ev.Edition),
		Sequence: fmt.Sprintf("%019d", ev.Position), PartitionKey: string(ev.Stream), Actor: ev.Actor, CorrelationID: ev.Correlation,
		Data: ev.Data,
	}
	if ev.Causation != uuid.Nil {
		c.CausationID = &ev.Causation
	}
	return c
}
