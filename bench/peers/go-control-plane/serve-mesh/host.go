package main

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"strconv"

	"github.com/envoyproxy/go-control-plane/pkg/cache/types"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"
)

// host keeps one snapshot a node, as the library advises: content shared between nodes, a new snapshot for each change, and
// in it a new version of the type that changed and of no other.
type host struct {
	cache   cache.SnapshotCache
	mesh    *mesh
	current []*cache.Snapshot
	// newest is the content of each resource of each node.
	newest map[resourceKey][]byte
}

type resourceKey struct {
	typeURL, name string
	node          int
}

// change is one of bench/standard-mesh.ts: it writes a mark over the one that is there, in what these nodes hold.
type change struct {
	Kind    string `json:"kind"`
	Mark    int    `json:"mark"`
	TypeURL string `json:"typeUrl"`
	Name    string `json:"name"`
	Nodes   []int  `json:"nodes"`
}

func newHost(from *mesh) *host {
	h := &host{
		cache:  cache.NewSnapshotCache(true, cache.IDHash{}, nil),
		mesh:   from,
		newest: map[resourceKey][]byte{},
	}
	for node, indexes := range from.nodes {
		for _, index := range indexes {
			each := from.resources[index]
			h.newest[resourceKey{each.typeURL, each.name, node}] = each.bytes
		}
	}
	return h
}

// fill makes the first snapshot of every node.
func (h *host) fill(ctx context.Context) error {
	h.current = make([]*cache.Snapshot, len(h.mesh.ids))
	for node, id := range h.mesh.ids {
		items := map[string][]types.Resource{}
		for _, index := range h.mesh.nodes[node] {
			each := h.mesh.resources[index]
			items[each.typeURL] = append(items[each.typeURL], each.message)
		}
		snapshot := &cache.Snapshot{}
		for typeURL, of := range items {
			index := cache.GetResponseType(typeURL)
			if index == types.UnknownType {
				// Programs of authorization workers are for nobody here.
				continue
			}
			snapshot.Resources[index] = cache.NewResources("0", of)
		}
		h.current[node] = snapshot
		if err := h.cache.SetSnapshot(ctx, id, snapshot); err != nil {
			return err
		}
	}
	return nil
}

// apply makes the same change of the same bytes as ours. Content that nodes share is decoded once.
func (h *host) apply(ctx context.Context, c change) error {
	index := cache.GetResponseType(c.TypeURL)
	decoded := map[string]types.Resource{}
	for _, node := range c.Nodes {
		key := resourceKey{c.TypeURL, c.Name, node}
		bytes, ok := h.newest[key]
		if !ok {
			return fmt.Errorf("%s holds no %s", h.mesh.ids[node], c.Name)
		}
		marked := withMark(bytes, c.Mark)
		message, ok := decoded[string(marked)]
		if !ok {
			var err error
			if message, err = decode(marked); err != nil {
				return err
			}
			decoded[string(marked)] = message
		}
		h.newest[key] = marked
		last := h.current[node]
		next := &cache.Snapshot{Resources: last.Resources}
		items := maps.Clone(last.Resources[index].Items)
		items[c.Name] = types.ResourceWithTTL{Resource: message}
		next.Resources[index] = cache.Resources{Version: strconv.Itoa(c.Mark), Items: items}
		h.current[node] = next
		if err := h.cache.SetSnapshot(ctx, h.mesh.ids[node], next); err != nil {
			return err
		}
	}
	return nil
}

var (
	addressMark = regexp.MustCompile(`11\.1\d\d\.1\d\d\.1\d\d`)
	pathMark    = regexp.MustCompile(`/mark-\d{6}`)
)

// withMark writes over marks, which are all of one length: no length in the message changes.
func withMark(bytes []byte, mark int) []byte {
	digits := fmt.Sprintf("%06d", mark)
	address := "11.1" + digits[:2] + ".1" + digits[2:4] + ".1" + digits[4:]
	return pathMark.ReplaceAll(addressMark.ReplaceAll(bytes, []byte(address)), []byte("/mark-"+digits))
}
