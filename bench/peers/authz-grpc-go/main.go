// Command authz-grpc-go is the least that an ext_authz server in Go can be: grpc-go, the generated messages of Envoy, and an
// answer that is always OK. It judges nothing; it is the floor that a server with policies is compared with.
//
//	authz-grpc-go FOLDER     its server.crt, server.key and root.crt; says {"id":0,"address":…} once it listens, ends with its input
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"path/filepath"

	auth "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

type alwaysAllow struct {
	auth.UnimplementedAuthorizationServer
}

var ok = &auth.CheckResponse{
	Status:       &status.Status{},
	HttpResponse: &auth.CheckResponse_OkResponse{OkResponse: &auth.OkHttpResponse{}},
}

func (alwaysAllow) Check(context.Context, *auth.CheckRequest) (*auth.CheckResponse, error) { return ok, nil }

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: authz-grpc-go FOLDER")
	}
	config, err := tlsConfig(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer(grpc.Creds(credentials.NewTLS(config)), grpc.MaxConcurrentStreams(1_000))
	auth.RegisterAuthorizationServer(server, alwaysAllow{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		server.Stop()
	}()
	fmt.Printf("{\"id\":0,\"address\":%q}\n", listener.Addr().String())
	if err := server.Serve(listener); err != nil {
		log.Fatal(err)
	}
}

func tlsConfig(folder string) (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(filepath.Join(folder, "server.crt"), filepath.Join(folder, "server.key"))
	if err != nil {
		return nil, err
	}
	root, err := os.ReadFile(filepath.Join(folder, "root.crt"))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(root)
	return &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{pair},
		ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: roots, NextProtos: []string{"h2"},
	}, nil
}
