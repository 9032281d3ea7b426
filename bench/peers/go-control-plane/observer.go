package main

import (
	"context"
	"sort"
	"sync"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/server/v3"
	"google.golang.org/genproto/googleapis/rpc/status"
)

// observer pairs answers with responses by their nonce, from the library's callbacks: the library keeps no such state.
type observer struct {
	mu      sync.Mutex
	streams map[streamID]*stream
	counts  map[string]*counts
}

type streamID struct {
	delta bool
	id    int64
}

type stream struct {
	node  string
	types map[string]*typeReport
}

type typeReport struct {
	TypeURL      string `json:"typeUrl"`
	AckedVersion string `json:"ackedVersion"`
	Nack         *nack  `json:"nack,omitempty"`
	nonce        string
	sentVersion  string
}

type nack struct {
	Nonce   string `json:"nonce"`
	Version string `json:"version"`
	Message string `json:"message"`
}

type counts struct{ nacks, pushes int }

type streamReport struct {
	Types []*typeReport `json:"types"`
}

func newObserver() *observer {
	return &observer{streams: map[streamID]*stream{}, counts: map[string]*counts{}}
}

func (o *observer) callbacks() server.Callbacks {
	return server.CallbackFuncs{
		StreamClosedFunc:      func(id int64, _ *core.Node) { o.closed(streamID{false, id}) },
		DeltaStreamClosedFunc: func(id int64, _ *core.Node) { o.closed(streamID{true, id}) },
		StreamRequestFunc: func(id int64, r *discovery.DiscoveryRequest) error {
			o.asked(streamID{false, id}, r.GetNode().GetId(), r.GetTypeUrl(), r.GetResponseNonce(), r.GetErrorDetail())
			return nil
		},
		StreamDeltaRequestFunc: func(id int64, r *discovery.DeltaDiscoveryRequest) error {
			o.asked(streamID{true, id}, r.GetNode().GetId(), r.GetTypeUrl(), r.GetResponseNonce(), r.GetErrorDetail())
			return nil
		},
		StreamResponseFunc: func(_ context.Context, id int64, _ *discovery.DiscoveryRequest, r *discovery.DiscoveryResponse) {
			o.sent(streamID{false, id}, r.GetTypeUrl(), r.GetNonce(), r.GetVersionInfo())
		},
		StreamDeltaResponseFunc: func(id int64, _ *discovery.DeltaDiscoveryRequest, r *discovery.DeltaDiscoveryResponse) {
			o.sent(streamID{true, id}, r.GetTypeUrl(), r.GetNonce(), r.GetSystemVersionInfo())
		},
	}
}

func (o *observer) closed(id streamID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.streams, id)
}

func (o *observer) asked(id streamID, node, typeURL, nonce string, refusal *status.Status) {
	o.mu.Lock()
	defer o.mu.Unlock()
	report := o.of(id, node).of(typeURL)
	if nonce == "" || nonce != report.nonce {
		return
	}
	if refusal == nil {
		report.AckedVersion, report.Nack = report.sentVersion, nil
		return
	}
	report.Nack = &nack{Nonce: nonce, Version: report.sentVersion, Message: refusal.GetMessage()}
	o.counted(o.streams[id].node).nacks++
}

func (o *observer) sent(id streamID, typeURL, nonce, version string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	of := o.of(id, "")
	report := of.of(typeURL)
	report.nonce, report.sentVersion = nonce, version
	o.counted(of.node).pushes++
}

func (o *observer) of(id streamID, node string) *stream {
	of, ok := o.streams[id]
	if !ok {
		of = &stream{node: node, types: map[string]*typeReport{}}
		o.streams[id] = of
	}
	return of
}

func (s *stream) of(typeURL string) *typeReport {
	report, ok := s.types[typeURL]
	if !ok {
		report = &typeReport{TypeURL: typeURL}
		s.types[typeURL] = report
	}
	return report
}

func (o *observer) counted(node string) *counts {
	of, ok := o.counts[node]
	if !ok {
		of = &counts{}
		o.counts[node] = of
	}
	return of
}

// report tells of the streams of a node, oldest first.
func (o *observer) report(node string) []streamReport {
	o.mu.Lock()
	defer o.mu.Unlock()
	ids := []streamID{}
	for id, of := range o.streams {
		if of.node == node {
			ids = append(ids, id)
		}
	}
	sort.Slice(ids, func(i, j int) bool { return ids[i].id < ids[j].id })
	reports := []streamReport{}
	for _, id := range ids {
		report := streamReport{Types: []*typeReport{}}
		for _, each := range o.streams[id].types {
			copied := *each
			report.Types = append(report.Types, &copied)
		}
		reports = append(reports, report)
	}
	return reports
}

func (o *observer) counters(node string) map[string]int {
	streams := len(o.report(node))
	o.mu.Lock()
	defer o.mu.Unlock()
	of := o.counted(node)
	return map[string]int{"streams": streams, "nacks": of.nacks, "pushes": of.pushes}
}
