// Command go-control-plane is an ADS server of the go-control-plane library with the adapter of our conformance suite
// (test/conformance/adapter.ts), so that the same cases run on both.
//
//	suite ──gRPC──▶ go-control-plane ◀── SnapshotCache ◀──HTTP── suite
//
// It is set up as the library's documentation advises for ADS: a snapshot cache, ordered responses, and one version a
// type that is the hash of its content (the library leaves the version to its host; a counter would push what did not
// change). It prints one line of JSON, {"address":…,"adapter":…}, and serves until its standard input ends.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"io"
	"log"
	"net"
	"os"
	"time"

	"google.golang.org/grpc"

	clusterservice "github.com/envoyproxy/go-control-plane/envoy/service/cluster/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	endpointservice "github.com/envoyproxy/go-control-plane/envoy/service/endpoint/v3"
	extensionservice "github.com/envoyproxy/go-control-plane/envoy/service/extension/v3"
	listenerservice "github.com/envoyproxy/go-control-plane/envoy/service/listener/v3"
	routeservice "github.com/envoyproxy/go-control-plane/envoy/service/route/v3"
	runtimeservice "github.com/envoyproxy/go-control-plane/envoy/service/runtime/v3"
	secretservice "github.com/envoyproxy/go-control-plane/envoy/service/secret/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	"github.com/envoyproxy/go-control-plane/pkg/server/config"
	"github.com/envoyproxy/go-control-plane/pkg/server/sotw/v3"
	"github.com/envoyproxy/go-control-plane/pkg/server/v3"
)

// heartbeatInterval is a third of the TTL that the suite asks for where it cannot move the clock.
const heartbeatInterval = 300 * time.Millisecond

// ads is whether the cache holds a named type back until all of it is asked for, as the library advises for ADS.
var ads = flag.Bool("ads", true, "hold a named type back until the request names all of it")

func main() {
	flag.Parse()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	first, err := startReplica(ctx)
	if err != nil {
		log.Fatal(err)
	}
	adapter, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go func() { log.Fatal(newAdapter(ctx, first).serve(adapter)) }()
	started := map[string]string{"address": first.address, "adapter": "http://" + adapter.Addr().String()}
	if err := json.NewEncoder(os.Stdout).Encode(started); err != nil {
		log.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// replica is one server with a cache of its own.
type replica struct {
	address string
	cache   cache.SnapshotCache
	seen    *observer
}

func startReplica(ctx context.Context) (*replica, error) {
	seen := newObserver()
	snapshots := cache.NewSnapshotCacheWithHeartbeating(ctx, *ads, cache.IDHash{}, nil, heartbeatInterval)
	options := []config.XDSOption{sotw.WithOrderedADS()}
	xds := server.NewServer(ctx, snapshots, seen.callbacks(), options...)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	grpcServer := grpc.NewServer()
	discovery.RegisterAggregatedDiscoveryServiceServer(grpcServer, xds)
	clusterservice.RegisterClusterDiscoveryServiceServer(grpcServer, xds)
	endpointservice.RegisterEndpointDiscoveryServiceServer(grpcServer, xds)
	extensionservice.RegisterExtensionConfigDiscoveryServiceServer(grpcServer, xds)
	listenerservice.RegisterListenerDiscoveryServiceServer(grpcServer, xds)
	routeservice.RegisterRouteDiscoveryServiceServer(grpcServer, xds)
	runtimeservice.RegisterRuntimeDiscoveryServiceServer(grpcServer, xds)
	secretservice.RegisterSecretDiscoveryServiceServer(grpcServer, xds)
	go func() { _ = grpcServer.Serve(listener) }()
	return &replica{address: listener.Addr().String(), cache: snapshots, seen: seen}, nil
}
