package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	// Registers Secret: the services import every other type.
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/types"
)

// mesh is what was exported: every resource once, and who holds which.
type mesh struct {
	ids       []string
	nodes     [][]int
	resources []resource
}

type resource struct {
	typeURL, name string
	// bytes is an encoded google.protobuf.Any.
	bytes   []byte
	message types.Resource
}

func readMesh(folder string) (*mesh, error) {
	text, err := os.ReadFile(filepath.Join(folder, "index.json"))
	if err != nil {
		return nil, err
	}
	var index struct {
		IDs       []string `json:"ids"`
		Nodes     [][]int  `json:"nodes"`
		Resources []struct {
			TypeURL string `json:"typeUrl"`
			Name    string `json:"name"`
			Bytes   int    `json:"bytes"`
		} `json:"resources"`
	}
	if err := json.Unmarshal(text, &index); err != nil {
		return nil, err
	}
	all, err := os.ReadFile(filepath.Join(folder, "resources.bin"))
	if err != nil {
		return nil, err
	}
	read := &mesh{ids: index.IDs, nodes: index.Nodes}
	for _, each := range index.Resources {
		if each.Bytes > len(all) {
			return nil, errors.New("resources.bin ends too early")
		}
		message, err := decode(all[:each.Bytes])
		if err != nil {
			return nil, err
		}
		read.resources = append(read.resources, resource{each.TypeURL, each.Name, all[:each.Bytes], message})
		all = all[each.Bytes:]
	}
	return read, nil
}

func decode(bytes []byte) (types.Resource, error) {
	wrapped := &anypb.Any{}
	if err := proto.Unmarshal(bytes, wrapped); err != nil {
		return nil, err
	}
	return wrapped.UnmarshalNew()
}
