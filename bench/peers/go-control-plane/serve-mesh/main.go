// Command serve-mesh is a control plane that stands on the go-control-plane library and serves a mesh that ours has exported:
// the same resources, byte for byte, with the same certificate, and the same changes. What it is set up by, the library's
// documentation advises: a snapshot cache, one snapshot a node, ordered ADS, delta.
//
//	serve-mesh FOLDER     one line of JSON a command on standard input, and one an answer; see bench/control-plane.ts
//
// What it does not do and ours does: it compiles nothing, and it asks nobody for a token. The resources are decoded before it
// says that it is prepared.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net"
	"os"
	"path/filepath"
	"syscall"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/server/config"
	"github.com/envoyproxy/go-control-plane/pkg/server/sotw/v3"
	"github.com/envoyproxy/go-control-plane/pkg/server/v3"
)

type command struct {
	ID     int    `json:"id"`
	Do     string `json:"do"`
	Change change `json:"change"`
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: serve-mesh FOLDER")
	}
	exported, err := readMesh(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	tls, err := credentials.NewServerTLSFromFile(filepath.Join(os.Args[1], "server.crt"), filepath.Join(os.Args[1], "server.key"))
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	h := newHost(exported)
	out := json.NewEncoder(os.Stdout)
	say := func(answer map[string]any) {
		if err := out.Encode(answer); err != nil {
			log.Fatal(err)
		}
	}
	say(map[string]any{"id": 0})
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var asked command
		if err := json.Unmarshal(lines.Bytes(), &asked); err != nil {
			log.Fatal(err)
		}
		answer, err := h.answer(ctx, asked, tls)
		if err != nil {
			answer = map[string]any{"error": err.Error()}
		}
		answer["id"] = asked.ID
		say(answer)
	}
}

func (h *host) answer(ctx context.Context, asked command, tls credentials.TransportCredentials) (map[string]any, error) {
	switch asked.Do {
	case "serve":
		if err := h.fill(ctx); err != nil {
			return nil, err
		}
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		options := []config.XDSOption{sotw.WithOrderedADS()}
		grpcServer := grpc.NewServer(grpc.Creds(tls))
		xds := server.NewServer(ctx, h.cache, nil, options...)
		discovery.RegisterAggregatedDiscoveryServiceServer(grpcServer, xds)
		go func() { _ = grpcServer.Serve(listener) }()
		return map[string]any{"address": listener.Addr().String()}, nil
	case "change":
		return map[string]any{}, h.apply(ctx, asked.Change)
	case "settle":
		return map[string]any{}, nil
	case "counts":
		cpu, rss, err := usage()
		return map[string]any{"cpuUs": cpu, "rssBytes": rss, "pushes": 0, "pushedBytes": 0, "nacks": 0}, err
	}
	return nil, fmt.Errorf("no command is called %q", asked.Do)
}

// usage is processor time in microseconds, and resident memory in bytes.
func usage() (cpuUs, rssBytes int64, err error) {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return 0, 0, err
	}
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, 0, err
	}
	var size, resident int64
	if _, err := fmt.Sscan(string(text), &size, &resident); err != nil {
		return 0, 0, err
	}
	return used.Utime.Nano()/1e3 + used.Stime.Nano()/1e3, resident * int64(os.Getpagesize()), nil
}
