package main

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestStopServing: a client that never sends the rest of what it asks for keeps no server
// from stopping as it should.
func TestStopServing(t *testing.T) {
	reading := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(reading)
		_, _ = io.Copy(io.Discard, r.Body)
	}))
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf"); err != nil {
		t.Fatal(err)
	}
	<-reading
	if err := stopServing(t.Context(), server.Config, new(sync.WaitGroup), time.Millisecond, slog.New(slog.DiscardHandler)); err != nil {
		t.Errorf("stopped with %v", err)
	}
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("the client was answered")
	}
}

// TestStopServingWaitsForSockets, of which the server itself knows nothing any more, but not
// for ever.
func TestStopServingWaitsForSockets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var busy sync.WaitGroup
		busy.Add(1)
		stopped := make(chan error, 1)
		stop := func() {
			stopped <- stopServing(t.Context(), new(http.Server), &busy, time.Minute, slog.New(slog.DiscardHandler))
		}
		go stop()
		synctest.Wait()
		select {
		case err := <-stopped:
			t.Fatalf("it does not wait: %v", err)
		default:
		}
		busy.Done()
		if err := <-stopped; err != nil {
			t.Error(err)
		}
		busy.Add(1)
		stop()
		if err := <-stopped; err != nil {
			t.Errorf("stopped with %v", err)
		}
		busy.Done()
	})
}
