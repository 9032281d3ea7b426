package main

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"runtime/debug"
	"sync"
)

// requestBytes is the largest message that grpc-go takes in by default.
const requestBytes = 4 * 1024 * 1024

// library is the module whose version is told.
const library = "github.com/envoyproxy/go-control-plane"

// adapter is the HTTP door of the suite. What go-control-plane does not have answers 501.
type adapter struct {
	ctx      context.Context
	main     *replica
	mu       sync.Mutex
	states   map[string]state
	replicas []*replica
}

func newAdapter(ctx context.Context, main *replica) *adapter {
	return &adapter{ctx: ctx, main: main, states: map[string]state{}}
}

func (a *adapter) serve(listener net.Listener) error {
	mux := http.NewServeMux()
	mux.HandleFunc("/description", a.description)
	mux.HandleFunc("/state", a.state)
	mux.HandleFunc("/delete", a.delete)
	mux.HandleFunc("/report", func(w http.ResponseWriter, r *http.Request) {
		answer(w, a.main.seen.report(r.URL.Query().Get("node")))
	})
	mux.HandleFunc("/counters", func(w http.ResponseWriter, r *http.Request) {
		answer(w, a.main.seen.counters(r.URL.Query().Get("node")))
	})
	mux.HandleFunc("/replica", a.replica)
	mux.HandleFunc("/ready", a.ready)
	notOffered := func(reason string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { http.Error(w, reason, http.StatusNotImplemented) }
	}
	mux.HandleFunc("/pass", notOffered("the clock is the machine's"))
	mux.HandleFunc("/judge", notOffered("whom to admit is left to the host"))
	mux.HandleFunc("/absent-asks", notOffered("what to tell of a resource that is not there is left to the host"))
	mux.HandleFunc("/kept", notOffered("what lies in memory is not counted by kind"))
	mux.HandleFunc("/callers", notOffered("whom to admit is left to the host"))
	return http.Serve(listener, mux)
}

func (a *adapter) description(w http.ResponseWriter, _ *http.Request) {
	version := "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, dependency := range info.Deps {
			if dependency.Path == library {
				version = dependency.Version
			}
		}
	}
	answer(w, map[string]any{
		"name": "go-control-plane", "version": version, "clock": false,
		"limits": map[string]int{"requestBytes": requestBytes},
	})
}

func (a *adapter) state(w http.ResponseWriter, r *http.Request) {
	var next state
	if !read(w, r, &next) {
		return
	}
	snapshot, err := next.snapshot()
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if next.Checked {
		if err := snapshot.Consistent(); err != nil {
			answer(w, map[string][]string{"faults": {err.Error()}})
			return
		}
	}
	a.mu.Lock()
	a.states[next.Node] = next
	a.mu.Unlock()
	if err := a.main.cache.SetSnapshot(a.ctx, next.Node, snapshot); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	answer(w, map[string][]string{"faults": {}})
}

func (a *adapter) delete(w http.ResponseWriter, r *http.Request) {
	var of struct {
		Node string `json:"node"`
	}
	if !read(w, r, &of) {
		return
	}
	a.mu.Lock()
	delete(a.states, of.Node)
	a.mu.Unlock()
	a.main.cache.ClearSnapshot(of.Node)
	answer(w, struct{}{})
}

// replica starts a server whose host has read nothing yet.
func (a *adapter) replica(w http.ResponseWriter, _ *http.Request) {
	started, err := startReplica(a.ctx)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	a.mu.Lock()
	a.replicas = append(a.replicas, started)
	a.mu.Unlock()
	answer(w, map[string]string{"address": started.address})
}

func (a *adapter) ready(w http.ResponseWriter, _ *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, each := range a.replicas {
		for node, of := range a.states {
			snapshot, err := of.snapshot()
			if err == nil {
				err = each.cache.SetSnapshot(a.ctx, node, snapshot)
			}
			if err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
		}
	}
	a.replicas = nil
	answer(w, struct{}{})
}

func read(w http.ResponseWriter, r *http.Request, into any) bool {
	if err := json.NewDecoder(r.Body).Decode(into); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return false
	}
	return true
}

func answer(w http.ResponseWriter, value any) {
	_ = json.NewEncoder(w).Encode(value)
}
