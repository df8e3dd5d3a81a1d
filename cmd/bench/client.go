package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A client is a connection that is kept. It knows as much of HTTP as it takes, so that
// little of what is measured is its own work.
type client struct {
	conn net.Conn
	r    *bufio.Reader
	body []byte
}

func dial(ctx context.Context, address string) (*client, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return &client{conn: conn, r: bufio.NewReaderSize(conn, 32<<10)}, nil
}

// post is a request that is ready to be sent.
func post(path, token string, body any) []byte {
	data := encoded(body)
	return append(head(path, token, len(data)), data...)
}

// head is a request but for its body.
func head(path, token string, length int) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "POST %s HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: %d\r\n", path, length)
	if token != "" {
		fmt.Fprintf(&b, "Authorization: Bearer %s\r\n", token)
	}
	b.WriteString("\r\n")
	return b.Bytes()
}

func encoded(body any) []byte {
	data, err := json.Marshal(body)
	if err != nil {
		panic(err) // it is of strings and numbers
	}
	return data
}

// do sends a request and returns the body of the answer, which is valid until the
// next. It must be of status 200.
func (c *client) do(request []byte) (body []byte, err error) {
	if _, err := c.conn.Write(request); err != nil {
		return nil, err
	}
	status, err := c.r.ReadSlice('\n')
	if err != nil {
		return nil, err
	}
	ok := bytes.HasPrefix(status, []byte("HTTP/1.1 200 "))
	said, length := string(bytes.TrimSpace(status)), -1
	for {
		line, err := c.r.ReadSlice('\n')
		if err != nil {
			return nil, err
		}
		if line = bytes.TrimRight(line, "\r\n"); len(line) == 0 {
			break
		}
		if name, value, _ := bytes.Cut(line, []byte(":")); len(name) == len("Content-Length") && strings.EqualFold(string(name), "Content-Length") {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return nil, err
			}
		}
	}
	if length < 0 {
		return nil, fmt.Errorf("%s, without a length", said)
	}
	c.body = slices.Grow(c.body[:0], length)[:length]
	if _, err := io.ReadFull(c.r, c.body); err != nil {
		return nil, err
	}
	if !ok {
		return nil, wrongf("%s: %s", said, c.body)
	}
	return c.body, nil
}

// A load is what clients ask a server, each one thing after another.
type load struct {
	address string
	clients int
	// next returns what a client asks as its n-th, and takes the answer.
	next func(client, n int) (request []byte, take func(body []byte) error)
}

// run has the clients ask until the time is over.
func (l load) run(ctx context.Context, pid int, length time.Duration) (s sample, err error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	all := make([]*client, l.clients)
	for i := range all {
		if all[i], err = dial(ctx, l.address); err != nil {
			return s, err
		}
		defer all[i].conn.Close() //nolint:errcheck // all that matters was said
	}
	times := make([][]time.Duration, l.clients)
	var wg sync.WaitGroup
	cpu, began := processorTime(pid), time.Now()
	for i, c := range all {
		wg.Go(func() {
			for n, at := 0, began; at.Sub(began) < length && ctx.Err() == nil; n++ {
				request, take := l.next(i, n)
				body, err := c.do(request)
				if err == nil {
					err = take(body)
				}
				if err != nil {
					stop(err)
					return
				}
				now := time.Now()
				times[i] = append(times[i], now.Sub(at))
				at = now
			}
		})
	}
	wg.Wait()
	s = sample{took: time.Since(began), times: slices.Concat(times...), cpu: processorTime(pid) - cpu}
	s.ops = len(s.times)
	return s, context.Cause(ctx)
}

// exactly takes an answer that must be of these bytes.
func exactly(want []byte) func([]byte) error {
	return func(body []byte) error {
		if !bytes.Equal(body, want) {
			return wrongf("answered %.200s, and before %.200s", body, want)
		}
		return nil
	}
}

// ask asks one thing, outside of what is measured.
func ask(ctx context.Context, address string, request []byte) ([]byte, error) {
	c, err := dial(ctx, address)
	if err != nil {
		return nil, err
	}
	defer c.conn.Close() //nolint:errcheck // all that matters was said
	return c.do(request)
}

// await returns when a server is ready.
func await(ctx context.Context, address string) error {
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/readyz", nil)
		if err != nil {
			return err
		}
		answer, err := http.DefaultClient.Do(request)
		if err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(5 * time.Millisecond):
		}
	}
}
