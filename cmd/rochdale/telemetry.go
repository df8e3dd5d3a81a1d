package main

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"rochdale/processes"
)

var requests = prometheus.NewHistogramVec(prometheus.HistogramOpts{
	Name: "rochdale_http_request_duration_seconds", Help: "Time that requests took, by where they went and how they ended.",
	Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
}, []string{"route", "method", "status"})

var relays = prometheus.NewCounterVec(prometheus.CounterOpts{
	Name: "rochdale_relay_messages_total", Help: "Messages that this node has published to a broker, and tried to, by what came of it: published or failed.",
}, []string{"relay", "outcome"})

// A measuredPublisher counts what it publishes.
type measuredPublisher struct {
	message.Publisher
	relay string
}

// Publish is that of [message.Publisher].
func (c measuredPublisher) Publish(topic string, messages ...*message.Message) error {
	err, outcome := c.Publisher.Publish(topic, messages...), "published"
	if err != nil {
		outcome = "failed"
	}
	relays.WithLabelValues(c.relay, outcome).Add(float64(len(messages)))
	return err
}

var deliveries = prometheus.NewHistogramVec(prometheus.HistogramOpts{
	Name:    "rochdale_webhook_delivery_duration_seconds",
	Help:    "Time that attempts of this node to tell endpoints events took, by what came of them: taken, refused by an answer, or unanswered.",
	Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 20},
}, []string{"webhook", "outcome"})

// tried counts and times an attempt.
func tried(webhook string, d processes.Delivery) {
	outcome := "taken"
	switch {
	case d.Error == "":
	case d.Status > 0:
		outcome = "refused"
	default:
		outcome = "unanswered"
	}
	deliveries.WithLabelValues(webhook, outcome).Observe(float64(d.Millis) / 1000)
}

// measured counts and times requests, by the first part of their path: the rest
// may say who asks for what.
func measured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began, seen := time.Now(), &status{ResponseWriter: w, code: http.StatusOK}
		next.ServeHTTP(seen, r)
		requests.WithLabelValues(route(r.URL.Path), method(r.Method), strconv.Itoa(seen.code)).Observe(time.Since(began).Seconds())
	})
}

func route(path string) string {
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	switch first {
	case "", "graphql", "sign-in", "sign-out", "authorize", "oauth", "services", "dav", "metrics", "healthz", "readyz", "events", "schemas":
		return "/" + first
	}
	return "other"
}

func method(m string) string {
	switch m {
	case http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodHead, http.MethodOptions, "PROPFIND", "MKCOL", "MOVE", "COPY", "LOCK":
		return m
	}
	return "other"
}

// status remembers how a request ended.
type status struct {
	http.ResponseWriter
	code int
}

// WriteHeader notes the status.
func (s *status) WriteHeader(code int) {
	s.code = code
	s.ResponseWriter.WriteHeader(code)
}

// Unwrap lets streams and sockets through to what they need.
func (s *status) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// metrics returns what Prometheus reads.
func (h *house) metrics(runner *processes.Runner, reconciler *processes.Reconciler, hooks *processes.Webhooks) http.Handler {
	registry := prometheus.NewRegistry()
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
	}
	registry.MustRegister(
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), requests, deliveries, relays,
		gauge("rochdale_log_position", "Position of the last event in the log.", func() float64 {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			head, err := h.store.Log.Head(ctx)
			if err != nil {
				return -1
			}
			return float64(head)
		}),
		gauge("rochdale_views_position", "Position that the read models of this node have reached.", func() float64 {
			return float64(h.models.Position())
		}),
		processCollector{runner}, usageCollector{reconciler}, hookCollector{hooks},
	)
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{Timeout: 10 * time.Second})
}

// processCollector tells how far processes have come.
type processCollector struct{ runner *processes.Runner }

var (
	processPosition = prometheus.NewDesc("rochdale_process_position", "Position of the last event that a process is through with.", []string{"process"}, nil)
	processOldest   = prometheus.NewDesc("rochdale_process_lag_seconds", "Age of the oldest event that a process has yet to answer; 0 if there is none.", []string{"process"}, nil)
	processDead     = prometheus.NewDesc("rochdale_process_dead_letters", "Events that a process could not answer.", []string{"process"}, nil)
)

// Describe is that of [prometheus.Collector].
func (processCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- processPosition
	ch <- processOldest
	ch <- processDead
}

// Collect is that of [prometheus.Collector].
func (c processCollector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	all, err := c.runner.Status(ctx)
	if err != nil {
		ch <- prometheus.NewInvalidMetric(processPosition, err)
		return
	}
	for _, s := range all {
		ch <- prometheus.MustNewConstMetric(processPosition, prometheus.GaugeValue, float64(s.Position), s.Process)
		ch <- prometheus.MustNewConstMetric(processOldest, prometheus.GaugeValue, age(s.Oldest, c.runner.Store.Now()), s.Process)
		ch <- prometheus.MustNewConstMetric(processDead, prometheus.GaugeValue, float64(s.Dead), s.Process)
	}
}

// usageCollector tells what accounts on targets held, as of the last reading of all.
type usageCollector struct{ reconciler *processes.Reconciler }

var (
	usageHeld     = prometheus.NewDesc("rochdale_target_used_bytes", "What all accounts on a target held when that was read back last.", []string{"target"}, nil)
	usagePromised = prometheus.NewDesc("rochdale_target_quota_bytes", "What all accounts on a target could hold then.", []string{"target"}, nil)
)

// Describe is that of [prometheus.Collector].
func (usageCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- usageHeld
	ch <- usagePromised
}

// Collect is that of [prometheus.Collector].
func (c usageCollector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	for _, t := range c.reconciler.Targets {
		days, err := c.reconciler.UsageTotals(ctx, t.Name)
		if err != nil {
			ch <- prometheus.NewInvalidMetric(usageHeld, err)
			return
		}
		if len(days) > 0 {
			last := days[len(days)-1]
			ch <- prometheus.MustNewConstMetric(usageHeld, prometheus.GaugeValue, float64(last.Used), t.Name)
			ch <- prometheus.MustNewConstMetric(usagePromised, prometheus.GaugeValue, float64(last.Quota), t.Name)
		}
	}
}

// age is how many seconds ago something was; 0 if it never was.
func age(at, now time.Time) float64 {
	if at.IsZero() {
		return 0
	}
	return max(0, now.Sub(at).Seconds())
}

// hookCollector tells how endpoints do.
type hookCollector struct{ hooks *processes.Webhooks }

func hookDesc(name, help string) *prometheus.Desc {
	return prometheus.NewDesc("rochdale_webhook_"+name, help, []string{"webhook"}, nil)
}

var (
	hookLag      = hookDesc("lag_events", "Events in the log from the first on that an endpoint has yet to take.")
	hookOldest   = hookDesc("lag_seconds", "Age of the oldest event that an endpoint has yet to take; 0 if there is none.")
	hookWaiting  = hookDesc("waiting", "Events that an endpoint did not take and is told again.")
	hookDead     = hookDesc("dead_letters", "Events that an endpoint did not take however often they were tried.")
	hookAttempts = hookDesc("failed_attempts", "Attempts in a row that failed since an endpoint takes nothing; 0 while it takes anything.")
	hookFailing  = hookDesc("failing_seconds", "How long an endpoint has taken nothing; 0 while it takes anything.")
	hookDisabled = hookDesc("disabled", "Whether an endpoint is disabled: 1 if so.")
)

// Describe is that of [prometheus.Collector].
func (hookCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{hookLag, hookOldest, hookWaiting, hookDead, hookAttempts, hookFailing, hookDisabled} {
		ch <- d
	}
}

// Collect is that of [prometheus.Collector].
func (c hookCollector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	all, err := c.hooks.All(ctx)
	if err != nil {
		ch <- prometheus.NewInvalidMetric(hookLag, err)
		return
	}
	now := c.hooks.Store.Now()
	for _, s := range all {
		disabled := 0.0
		if s.Disabled != "" {
			disabled = 1
		}
		for d, value := range map[*prometheus.Desc]float64{
			hookLag: float64(s.Behind), hookOldest: age(s.Oldest, now), hookWaiting: float64(s.Waiting), hookDead: float64(s.Dead),
			hookAttempts: float64(s.Attempts), hookFailing: age(s.Since, now), hookDisabled: disabled,
		} {
			ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, s.ID)
		}
	}
}

// startTraces sends traces to a collector, if one is named.
func startTraces(ctx context.Context, url string) (stop func(), err error) {
	if url == "" {
		return func() {}, nil
	}
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(url))
	if err != nil {
		return nil, err
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter),
		sdktrace.WithResource(resource.NewSchemaless(attribute.String("service.name", "rochdale"), attribute.String("service.version", version()))))
	otel.SetTracerProvider(provider)
	otel.SetTextMapPropagator(propagation.TraceContext{})
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = provider.Shutdown(ctx) // what was not sent by now is lost, and no more than that
	}, nil
}

// traced makes a span of each request.
func traced(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, real := otel.GetTracerProvider().(*sdktrace.TracerProvider); !real {
			next.ServeHTTP(w, r)
			return
		}
		ctx := otel.GetTextMapPropagator().Extract(r.Context(), propagation.HeaderCarrier(r.Header))
		ctx, span := otel.Tracer("rochdale").Start(ctx, r.Method+" "+route(r.URL.Path), trace.WithSpanKind(trace.SpanKindServer))
		defer span.End()
		seen := &status{ResponseWriter: w, code: http.StatusOK}
		next.ServeHTTP(seen, r.WithContext(ctx))
		span.SetAttributes(attribute.String("http.request.method", r.Method), attribute.Int("http.response.status_code", seen.code))
		if seen.code >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, http.StatusText(seen.code))
		}
	})
}
