package main

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"sort"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	// Registers Secret: the services import every other type.
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/types"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"
)

// state is everything a node may be told, as the suite says it.
type state struct {
	Node      string     `json:"node"`
	Types     []string   `json:"types"`
	Resources []resource `json:"resources"`
	Checked   bool       `json:"checked"`
}

type resource struct {
	TypeURL string `json:"typeUrl"`
	Name    string `json:"name"`
	// Any is an encoded google.protobuf.Any.
	Any string `json:"any"`
	TTL *struct {
		Ms int64 `json:"ms"`
	} `json:"ttl"`
}

// snapshot gives each type a version of its own: the library would give them one, and push all when one changes.
func (s state) snapshot() (*cache.Snapshot, error) {
	items := map[string][]types.ResourceWithTTL{}
	content := map[string][]string{}
	for _, each := range s.Resources {
		message, err := each.message()
		if err != nil {
			return nil, fmt.Errorf("%s %q: %w", each.TypeURL, each.Name, err)
		}
		item := types.ResourceWithTTL{Resource: message}
		line := each.Any
		if each.TTL != nil {
			ttl := time.Duration(each.TTL.Ms) * time.Millisecond
			item.TTL = &ttl
			line += ttl.String()
		}
		items[each.TypeURL] = append(items[each.TypeURL], item)
		content[each.TypeURL] = append(content[each.TypeURL], line)
	}
	snapshot := &cache.Snapshot{}
	for _, typeURL := range s.Types {
		index := cache.GetResponseType(typeURL)
		if index == types.UnknownType {
			return nil, fmt.Errorf("%s is no type of the snapshot cache", typeURL)
		}
		snapshot.Resources[index] = cache.NewResourcesWithTTL(versionOf(content[typeURL]), items[typeURL])
	}
	return snapshot, nil
}

func (r resource) message() (proto.Message, error) {
	bytes, err := base64.StdEncoding.DecodeString(r.Any)
	if err != nil {
		return nil, err
	}
	wrapped := &anypb.Any{}
	if err := proto.Unmarshal(bytes, wrapped); err != nil {
		return nil, err
	}
	return wrapped.UnmarshalNew()
}

func versionOf(lines []string) string {
	sort.Strings(lines)
	hash := sha256.New()
	for _, line := range lines {
		hash.Write([]byte(line + "\n"))
	}
	return hex.EncodeToString(hash.Sum(nil))[:16]
}
