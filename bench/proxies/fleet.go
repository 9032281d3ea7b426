package main

import (
	"crypto/x509"
	"sync"
	"sync/atomic"
	"time"
)

// fleet is all proxies of this process, and what they have seen together.
type fleet struct {
	address    string
	serverName string
	roots      *x509.CertPool
	proxies    []*proxy

	messages, resources, bytes, streamsLost atomic.Int64

	mu       sync.Mutex
	lastLoss string
	// awaited are proxies that are not settled yet; the last of them tells its moment.
	awaited map[*proxy]bool
	allUp   chan time.Time
	seen    []sighting
}

// sighting is an ACK of a resource with a mark in it.
type sighting struct {
	proxy int
	name  string
	mark  int
	at    time.Time
}

// connect opens one proxy of so many that is not open yet, and waits for the last to be settled.
func (f *fleet) connect(oneOf int) (began, last time.Time) {
	f.mu.Lock()
	f.awaited, f.allUp = map[*proxy]bool{}, make(chan time.Time, 1)
	var opening []*proxy
	for index, each := range f.proxies {
		if index%oneOf == 0 && !each.isOpen() {
			f.awaited[each] = true
			opening = append(opening, each)
		}
	}
	f.mu.Unlock()
	began = time.Now()
	if len(opening) == 0 {
		return began, began
	}
	for _, each := range opening {
		each.open()
	}
	return began, <-f.allUp
}

// cut ends every connection at once, without a word.
func (f *fleet) cut() {
	for _, each := range f.proxies {
		if each.isOpen() {
			each.cancel()
		}
	}
	for _, each := range f.proxies {
		if each.isOpen() {
			<-each.ended
			each.cancel = nil
		}
	}
}

func (f *fleet) settled(who *proxy, at time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.awaited[who] {
		return
	}
	if delete(f.awaited, who); len(f.awaited) == 0 {
		f.allUp <- at
	}
}

func (f *fleet) marked(proxy int, name string, mark int, at time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seen = append(f.seen, sighting{proxy, name, mark, at})
}

// sightings are those since the last call.
func (f *fleet) sightings() []sighting {
	f.mu.Lock()
	defer f.mu.Unlock()
	seen := f.seen
	f.seen = nil
	return seen
}

func (f *fleet) counted(bytes, resources int) {
	f.messages.Add(1)
	f.bytes.Add(int64(bytes))
	f.resources.Add(int64(resources))
}

func (f *fleet) lost(node string, err error) {
	f.streamsLost.Add(1)
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil {
		f.lastLoss = node + ": " + err.Error()
	}
}

func (f *fleet) loss() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.lastLoss
}
