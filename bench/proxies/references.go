package main

import (
	"hash/maphash"
	"sync"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"

	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	hcm "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	tls "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"

	// Whatever may lie between a listener and what it names.
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/rbac/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/tcp_proxy/v3"
)

const (
	secretType    = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"
	clusterType   = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
	endpointsType = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"
	listenerType  = "type.googleapis.com/envoy.config.listener.v3.Listener"
	routeType     = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"
	runtimeType   = "type.googleapis.com/envoy.service.runtime.v3.Runtime"
	extensionType = "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig"
)

// reference is a resource that another names, and that a client asks for once it holds the other.
type reference struct{ typeURL, name string }

// referenceBook reads each content once, whoever it was sent to.
type referenceBook struct {
	seed  maphash.Seed
	mu    sync.Mutex
	known map[uint64][]reference
}

func newReferenceBook() *referenceBook {
	return &referenceBook{seed: maphash.MakeSeed(), known: map[uint64][]reference{}}
}

// of tells what a cluster or listener, an encoded google.protobuf.Any, refers to over ADS. No other type refers to anything
// that is asked for by name.
func (b *referenceBook) of(resource []byte) ([]reference, error) {
	key := maphash.Bytes(b.seed, resource)
	b.mu.Lock()
	defer b.mu.Unlock()
	if known, ok := b.known[key]; ok {
		return known, nil
	}
	wrapped := &anypb.Any{}
	if err := proto.Unmarshal(resource, wrapped); err != nil {
		return nil, err
	}
	message, err := wrapped.UnmarshalNew()
	if err != nil {
		return nil, err
	}
	seen := map[reference]bool{}
	walk(message.ProtoReflect(), seen)
	found := make([]reference, 0, len(seen))
	for each := range seen {
		found = append(found, each)
	}
	b.known[key] = found
	return found, nil
}

func walk(message protoreflect.Message, found map[reference]bool) {
	switch value := message.Interface().(type) {
	case *anypb.Any:
		// What is not known here is a filter that names nothing.
		if inner, err := value.UnmarshalNew(); err == nil {
			walk(inner.ProtoReflect(), found)
		}
		return
	case *cluster.Cluster:
		if value.GetType() == cluster.Cluster_EDS {
			name := value.GetEdsClusterConfig().GetServiceName()
			if name == "" {
				name = value.GetName()
			}
			found[reference{endpointsType, name}] = true
		}
	case *tls.SdsSecretConfig:
		if value.GetSdsConfig().GetAds() != nil {
			found[reference{secretType, value.GetName()}] = true
		}
	case *hcm.Rds:
		found[reference{routeType, value.GetRouteConfigName()}] = true
	case *hcm.HttpFilter:
		discovered(value.GetName(), value.GetConfigDiscovery(), found)
	case *listener.Filter:
		discovered(value.GetName(), value.GetConfigDiscovery(), found)
	}
	message.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch {
		case field.IsMap():
			if field.MapValue().Message() != nil {
				value.Map().Range(func(_ protoreflect.MapKey, each protoreflect.Value) bool {
					walk(each.Message(), found)
					return true
				})
			}
		case field.Message() == nil:
		case field.IsList():
			for i := range value.List().Len() {
				walk(value.List().Get(i).Message(), found)
			}
		default:
			walk(value.Message(), found)
		}
		return true
	})
}

func discovered(name string, source *core.ExtensionConfigSource, found map[reference]bool) {
	if source.GetConfigSource().GetAds() != nil {
		found[reference{extensionType, name}] = true
	}
}
