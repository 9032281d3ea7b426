package main

import (
	"maps"
	"sync"
)

// holdings is what one client holds and has asked for: the part of Envoy that decides what is sent to a control plane.
//
//	response ──take──▶ names to ask for, names to give up, whether the ACK may go
//
// An ACK of clusters waits until the new and the changed ones are warm: each has had its endpoints since, and every secret it
// names. Envoy gives up after its initial_fetch_timeout, 15 s by default; these never do, so that a server that forgets shows.
// It knows no stream: what is held survives one.
type holdings struct {
	book *referenceBook
	// mu is held while a response is taken: all else is of the stream's own goroutine.
	mu sync.Mutex
	// versions by type and name, of what was taken.
	versions map[string]map[string]string
	refs     map[reference][]reference
	// users counts by whom a name is referred to; what nobody refers to is given up.
	users map[reference]int
	// unanswered are names that were asked for on this stream and of which nothing was said yet.
	unanswered map[reference]bool
	// warming are clusters, each with what it still waits for.
	warming map[string]map[reference]bool
}

func newHoldings(book *referenceBook) *holdings {
	return &holdings{
		book:       book,
		versions:   map[string]map[string]string{},
		refs:       map[reference][]reference{},
		users:      map[reference]int{},
		unanswered: map[reference]bool{},
		warming:    map[string]map[reference]bool{},
	}
}

// change is what a client asks for after a response, by type.
type change struct{ subscribe, unsubscribe map[string][]string }

func (h *holdings) take(r response) (change, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	asked := change{map[string][]string{}, map[string][]string{}}
	held := h.of(r.typeURL)
	for _, each := range r.resources {
		if each.any == nil {
			continue
		}
		of := reference{r.typeURL, each.name}
		isNew := held[each.name] != each.version
		held[each.name] = each.version
		h.arrived(of)
		if r.typeURL != clusterType && r.typeURL != listenerType {
			continue
		}
		next, err := h.book.of(each.any)
		if err != nil {
			return asked, err
		}
		h.refer(of, next, asked)
		if r.typeURL == clusterType && isNew {
			h.warm(each.name, next)
		}
	}
	for _, name := range r.removed {
		of := reference{r.typeURL, name}
		delete(held, name)
		delete(h.unanswered, of)
		// That there are no endpoints is an answer; a cluster without its secret stays cold.
		if r.typeURL != secretType {
			h.arrived(of)
		}
		h.refer(of, nil, asked)
		delete(h.warming, name)
	}
	return asked, nil
}

// refer counts the new before it lets go of the old: what both name is not asked for again.
func (h *holdings) refer(of reference, next []reference, asked change) {
	last := h.refs[of]
	for _, each := range next {
		if h.users[each]++; h.users[each] == 1 {
			h.ask(each, asked)
		}
	}
	for _, each := range last {
		if h.users[each]--; h.users[each] == 0 {
			delete(h.users, each)
			delete(h.unanswered, each)
			delete(h.of(each.typeURL), each.name)
			asked.unsubscribe[each.typeURL] = append(asked.unsubscribe[each.typeURL], each.name)
		}
	}
	if next == nil {
		delete(h.refs, of)
	} else {
		h.refs[of] = next
	}
}

func (h *holdings) ask(each reference, asked change) {
	h.unanswered[each] = true
	asked.subscribe[each.typeURL] = append(asked.subscribe[each.typeURL], each.name)
}

func (h *holdings) warm(name string, refs []reference) {
	waits := map[reference]bool{}
	for _, each := range refs {
		_, isHeld := h.of(each.typeURL)[each.name]
		if each.typeURL == endpointsType || !isHeld {
			waits[each] = true
		}
	}
	if len(waits) > 0 {
		h.warming[name] = waits
	}
}

func (h *holdings) arrived(of reference) {
	delete(h.unanswered, of)
	for name, waits := range h.warming {
		if delete(waits, of); len(waits) == 0 {
			delete(h.warming, name)
		}
	}
}

func (h *holdings) of(typeURL string) map[string]string {
	held, ok := h.versions[typeURL]
	if !ok {
		held = map[string]string{}
		h.versions[typeURL] = held
	}
	return held
}

// snapshot is a copy of what is held, for whoever is not the stream.
func (h *holdings) snapshot() map[string]map[string]string {
	h.mu.Lock()
	defer h.mu.Unlock()
	copied := map[string]map[string]string{}
	for typeURL, held := range h.versions {
		copied[typeURL] = maps.Clone(held)
	}
	return copied
}

// names are those of a type that something refers to.
func (h *holdings) names(typeURL string) []string {
	var names []string
	for each := range h.users {
		if each.typeURL == typeURL {
			names = append(names, each.name)
		}
	}
	return names
}

// reopened is the state of a client whose stream has ended: what was waited for is asked for again with all the rest.
func (h *holdings) reopened() {
	clear(h.unanswered)
	clear(h.warming)
}
