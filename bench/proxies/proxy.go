package main

import (
	"context"
	"crypto/tls"
	"math/rand/v2"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
)

const method = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"

// tokenHeader is where a control plane of ours looks for the token. Another takes no notice.
const tokenHeader = "x-coffre-token"

// drillLayer is the runtime layer that the bootstrap of a sidecar names, and evidence the cluster of it that is found by EDS.
const drillLayer, evidence = "drill", "coffre-evidence"

// evidenceSecret is what that cluster shows of itself.
const evidenceSecret = "identity"

// pauseFirst and pauseMost bound the wait before a try, as a sidecar's bootstrap sets it: a random part of the first, of twice
// the first and so on. Before the very first try too: thousands of sidecars that lost one server do not dial in one moment.
const pauseFirst, pauseMost = 500 * time.Millisecond, 5 * time.Second

// messageBytesMax is Envoy's own: none. A first configuration comes in one message.
const messageBytesMax = 64 << 20

// proxy is one sidecar as far as a control plane can tell: a connection, a stream, and what it holds.
type proxy struct {
	index int
	node  struct{ id, cluster, token string }
	fleet *fleet
	held  *holdings

	// cancel is nil while nothing is open.
	cancel context.CancelFunc
	ended  chan struct{}

	// Of the stream that is open.
	stream    grpc.ClientStream
	opened    map[string]bool
	heldBack  string
	probing   bool
	isSettled bool
}

func (p *proxy) isOpen() bool { return p.cancel != nil }

// open connects and serves until the stream is closed by us. A stream that the server ends is opened again.
func (p *proxy) open() {
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel, p.ended = cancel, make(chan struct{})
	go func() {
		defer close(p.ended)
		random := rand.New(rand.NewPCG(uint64(p.index), 0))
		for longest := pauseFirst; ; longest = min(2*longest, pauseMost) {
			select {
			case <-ctx.Done():
				return
			case <-time.After(time.Duration(random.Int64N(int64(longest)))):
			}
			err := p.serve(ctx)
			if ctx.Err() != nil {
				return
			}
			p.fleet.lost(p.node.id, err)
			if p.isSettled {
				longest = pauseFirst
			}
		}
	}()
}

func (p *proxy) serve(ctx context.Context) error {
	p.isSettled = false
	config := &tls.Config{RootCAs: p.fleet.roots, ServerName: p.fleet.serverName, MinVersion: tls.VersionTLS13}
	connection, err := grpc.NewClient("passthrough:///"+p.fleet.address,
		grpc.WithTransportCredentials(credentials.NewTLS(config)),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(rawCodec{}), grpc.MaxCallRecvMsgSize(messageBytesMax)))
	if err != nil {
		return err
	}
	defer connection.Close()
	stream, err := connection.NewStream(metadata.AppendToOutgoingContext(ctx, tokenHeader, p.node.token),
		&grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, method)
	if err != nil {
		return err
	}
	p.stream, p.opened, p.heldBack, p.probing = stream, map[string]bool{}, "", false
	p.held.reopened()
	if len(p.held.of(runtimeType)) == 0 {
		err = p.begin(runtimeType, drillLayer)
	} else {
		err = p.resume()
	}
	var message []byte
	for err == nil {
		if err = stream.RecvMsg(&message); err == nil {
			err = p.take(message)
		}
	}
	return err
}

// begin asks for a type on this stream for the first time, with what is held of it.
func (p *proxy) begin(typeURL string, names ...string) error {
	p.opened[typeURL] = true
	first := request{typeURL: typeURL, subscribe: names, initial: p.held.of(typeURL)}
	if len(p.opened) == 1 {
		first.node, first.cluster = p.node.id, p.node.cluster
	}
	return p.stream.SendMsg(first.encode())
}

// resume tells all that is held. A server that has nothing newer says nothing at all, so the client asks one small thing anew:
// that the answer is there shows that everything before it was read.
func (p *proxy) resume() error {
	steps := []struct {
		typeURL string
		names   []string
	}{
		{runtimeType, []string{drillLayer}}, {clusterType, []string{"*"}}, {endpointsType, p.held.names(endpointsType)},
		{secretType, p.held.names(secretType)}, {listenerType, []string{"*"}}, {routeType, p.held.names(routeType)},
		{extensionType, p.held.names(extensionType)},
	}
	for _, each := range steps {
		if len(each.names) == 0 {
			continue
		}
		if err := p.begin(each.typeURL, each.names...); err != nil {
			return err
		}
	}
	p.probing = true
	if err := p.send(request{typeURL: runtimeType, unsubscribe: []string{drillLayer}}); err != nil {
		return err
	}
	return p.send(request{typeURL: runtimeType, subscribe: []string{drillLayer}})
}

func (p *proxy) take(message []byte) error {
	r, err := parseResponse(message)
	if err != nil {
		return err
	}
	p.fleet.counted(len(message), len(r.resources))
	asked, err := p.held.take(r)
	if err != nil {
		return err
	}
	if r.typeURL == clusterType {
		p.heldBack = r.nonce
	} else if err := p.acknowledge(r); err != nil {
		return err
	}
	if err := p.follow(asked); err != nil {
		return err
	}
	if p.heldBack != "" && len(p.held.warming) == 0 {
		nonce := p.heldBack
		p.heldBack = ""
		if err := p.acknowledge(response{typeURL: clusterType, nonce: nonce}); err != nil {
			return err
		}
	}
	return p.next(r)
}

// next is what an Envoy that starts does once the last thing has been answered: clusters behind its runtime, listeners behind
// its clusters.
func (p *proxy) next(r response) error {
	if r.typeURL == runtimeType {
		p.probing = false
	}
	switch {
	case !p.opened[clusterType]:
		if err := p.begin(clusterType, "*"); err != nil {
			return err
		}
		bootstrap := change{map[string][]string{}, map[string][]string{}}
		p.held.refer(reference{"bootstrap", evidence}, []reference{{endpointsType, evidence}, {secretType, evidenceSecret}}, bootstrap)
		return p.follow(bootstrap)
	case p.heldBack != "" || len(p.held.warming) > 0 || len(p.held.of(clusterType)) == 0:
	case !p.opened[listenerType]:
		return p.begin(listenerType, "*")
	case len(p.held.unanswered) == 0 && len(p.held.of(listenerType)) > 0 && !p.probing && !p.isSettled:
		p.isSettled = true
		p.fleet.settled(p, time.Now())
	}
	return nil
}

func (p *proxy) follow(asked change) error {
	for typeURL, names := range asked.unsubscribe {
		if err := p.send(request{typeURL: typeURL, unsubscribe: names}); err != nil {
			return err
		}
	}
	for typeURL, names := range asked.subscribe {
		if !p.opened[typeURL] {
			if err := p.begin(typeURL, names...); err != nil {
				return err
			}
		} else if err := p.send(request{typeURL: typeURL, subscribe: names}); err != nil {
			return err
		}
	}
	return nil
}

func (p *proxy) acknowledge(r response) error {
	if err := p.send(request{typeURL: r.typeURL, nonce: r.nonce}); err != nil {
		return err
	}
	now := time.Now()
	for _, each := range r.resources {
		if r.typeURL != endpointsType && r.typeURL != routeType {
			continue
		}
		if mark := markOf(each.any); mark >= 0 {
			p.fleet.marked(p.index, each.name, mark, now)
		}
	}
	return nil
}

func (p *proxy) send(r request) error { return p.stream.SendMsg(r.encode()) }
