package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"rochdale/domain/money"
	"rochdale/eventstore/lite"
)

// floorVerb has this program be the floor of GraphQL, in a process of its own as the
// program is.
const floorVerb = "floor"

// serveFloor answers from the read models in a folder, as one would who had nothing
// but net/http and encoding/json, and just these three questions to answer.
func serveFloor(views string) error {
	files, _ := filepath.Glob(filepath.Join(views, "views-*.db")) // the pattern is right
	if len(files) != 1 {
		return fmt.Errorf("there are %d files of read models in %s", len(files), views)
	}
	db, err := lite.OpenDB(files[0], lite.Live)
	if err != nil {
		return err
	}
	f := &hand{db}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /position", f.position)
	mux.HandleFunc("POST /member", f.member)
	mux.HandleFunc("POST /members", f.members)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, listener.Addr())
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	context.AfterFunc(ctx, func() { _ = server.Close() })
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return db.Close()
}

// A hand is the handler.
type hand struct{ db *lite.DB }

type (
	memberWanted struct {
		ID string `json:"id"`
	}
	pageWanted struct {
		After int `json:"after"` // the number of a member
		First int `json:"first"`
	}
	positionShown struct {
		Position int64 `json:"position"`
	}
	memberShown struct {
		ID         string         `json:"id"`
		Number     int64          `json:"number"`
		Name       string         `json:"name"`
		Language   string         `json:"language"`
		AdmittedOn string         `json:"admittedOn"`
		Email      string         `json:"email"`
		Holdings   []holdingShown `json:"holdings"`
	}
	holdingShown struct {
		Class    string `json:"class"`
		Quantity int64  `json:"quantity"`
		Paid     string `json:"paid"`
	}
	pageShown struct {
		Nodes    []memberShown `json:"nodes"`
		PageInfo struct {
			HasNextPage bool `json:"hasNextPage"`
		} `json:"pageInfo"`
	}
)

func (h *hand) position(w http.ResponseWriter, r *http.Request) {
	var shown positionShown
	err := h.db.ReadOne(r.Context(), func(c *lite.Conn) error {
		_, err := c.One(`select position from checkpoint`, func(r lite.Row) { shown.Position = r.Int(0) })
		return err
	})
	show(w, shown, err)
}

const columns = `id, number, name, language, admitted_on, email`

func memberIn(r lite.Row) memberShown {
	return memberShown{
		ID: r.Text(0), Number: r.Int(1), Name: r.Text(2), Language: strings.ToUpper(r.Text(3)), AdmittedOn: r.Text(4), Email: r.Text(5),
		Holdings: []holdingShown{},
	}
}

func (m *memberShown) hold(c *lite.Conn) error {
	return c.Query(`select class, quantity, paid, currency from holding where party = ? and quantity > 0 order by class`, func(r lite.Row) error {
		paid := money.New(r.Int(2), money.Currency(r.Text(3)))
		m.Holdings = append(m.Holdings, holdingShown{r.Text(0), r.Int(1), paid.String()})
		return nil
	}, m.ID)
}

func (h *hand) member(w http.ResponseWriter, r *http.Request) {
	var wanted memberWanted
	if err := json.NewDecoder(r.Body).Decode(&wanted); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	var shown struct {
		Member *memberShown `json:"member"`
	}
	err := h.db.ReadOne(r.Context(), func(c *lite.Conn) error {
		found, err := c.One(`select `+columns+` from party where id = ?`, func(r lite.Row) {
			m := memberIn(r)
			shown.Member = &m
		}, wanted.ID)
		if err != nil || !found {
			return err
		}
		return shown.Member.hold(c)
	})
	show(w, shown, err)
}

func (h *hand) members(w http.ResponseWriter, r *http.Request) {
	var wanted pageWanted
	if err := json.NewDecoder(r.Body).Decode(&wanted); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	var shown struct {
		Members pageShown `json:"members"`
	}
	page := &shown.Members
	today := time.Now().Format(time.DateOnly)
	err := h.db.Read(r.Context(), func(c *lite.Conn) error {
		err := c.Query(`select `+columns+` from party where by_number > ? and admitted_on <= ? and (ended_on is null or ended_on >= ?)
			order by by_number limit ?`, func(r lite.Row) error {
			if len(page.Nodes) == wanted.First {
				page.PageInfo.HasNextPage = true
				return nil
			}
			page.Nodes = append(page.Nodes, memberIn(r))
			return nil
		}, wanted.After, today, today, wanted.First+1)
		for i := range page.Nodes {
			if err == nil {
				err = page.Nodes[i].hold(c)
			}
		}
		return err
	})
	show(w, shown, err)
}

func show(w http.ResponseWriter, data any, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	body, err := json.Marshal(map[string]any{"data": data})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	_, _ = w.Write(body)
}
