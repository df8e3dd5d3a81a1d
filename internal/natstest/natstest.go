// Package natstest gives a test a NATS server with JetStream of its own: a real one,
// within the process of the test.
package natstest

import (
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"rochdale/internal/loopback"
)

// Start starts a server, which ends with t, and returns its URL.
func Start(t testing.TB) string {
	t.Helper()
	return New(t).URL
}

// A Server can go away, and come back where it was with what it has kept.
type Server struct {
	URL     string
	options server.Options
	running *server.Server
}

// New starts a server, which ends with t.
func New(t testing.TB) *Server {
	t.Helper()
	host, text, err := net.SplitHostPort(loopback.Address(t))
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{options: server.Options{Host: host, Port: port, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true}}
	s.Restart(t)
	t.Cleanup(s.Stop)
	return s
}

// Stop ends it.
func (s *Server) Stop() {
	s.running.Shutdown()
	s.running.WaitForShutdown()
}

// Restart starts it again.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	options := s.options
	running, err := server.NewServer(&options)
	if err != nil {
		t.Fatal(err)
	}
	running.Start()
	if !running.ReadyForConnections(30 * time.Second) {
		t.Fatal("natstest: the server does not get ready")
	}
	s.URL, s.running = running.ClientURL(), running
}
