// Command call-echo is grpc-go as a client: it calls a server that says back what it is told, and looks whether it does.
//
//	call-echo FOLDER ADDRESS SERVER-NAME CALLS     with the client.crt, client.key and root.crt of the folder
//
// Bodies have up to 80 kB, one in fifty that much. It says {"calls":…,"wrong":[…]} when all are done: no call may fail, whatever
// the server does to the connection meanwhile.
package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

const (
	method       = "/envoy.service.auth.v3.Authorization/Check"
	callers      = 64
	largestBytes = 80_000
	callTimeout  = 30 * time.Second
)

// As it is, so that a body may be anything.
type asIs struct{}

func (asIs) Name() string                       { return "proto" }
func (asIs) Marshal(v any) ([]byte, error)      { return *v.(*[]byte), nil }
func (asIs) Unmarshal(data []byte, v any) error { *v.(*[]byte) = bytes.Clone(data); return nil }

func main() {
	log.SetFlags(0)
	if len(os.Args) != 5 {
		log.Fatal("usage: call-echo FOLDER ADDRESS SERVER-NAME CALLS")
	}
	calls, err := strconv.Atoi(os.Args[4])
	if err != nil {
		log.Fatal(err)
	}
	config, err := tlsConfig(os.Args[1], os.Args[3])
	if err != nil {
		log.Fatal(err)
	}
	connection, err := grpc.NewClient(os.Args[2],
		grpc.WithTransportCredentials(credentials.NewTLS(config)),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(asIs{}), grpc.WaitForReady(true)))
	if err != nil {
		log.Fatal(err)
	}
	report := map[string]any{"calls": calls, "wrong": callAll(connection, calls)}
	if err := json.NewEncoder(os.Stdout).Encode(report); err != nil {
		log.Fatal(err)
	}
}

// All calls, by some callers at once; what went wrong.
func callAll(connection *grpc.ClientConn, calls int) []string {
	numbers := make(chan int)
	var lock sync.Mutex
	wrong := []string{}
	var group sync.WaitGroup
	for range callers {
		group.Go(func() {
			for number := range numbers {
				if err := call(connection, number); err != nil {
					lock.Lock()
					wrong = append(wrong, fmt.Sprintf("call %d: %v", number, err))
					lock.Unlock()
				}
			}
		})
	}
	for number := range calls {
		numbers <- number
	}
	close(numbers)
	group.Wait()
	return wrong
}

func call(connection *grpc.ClientConn, number int) error {
	size := number * 7 % 2_000
	if number%50 == 0 {
		size = largestBytes
	}
	body := bytes.Repeat([]byte{byte(number)}, size)
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	var echo []byte
	if err := connection.Invoke(ctx, method, &body, &echo); err != nil {
		return err
	}
	if !bytes.Equal(echo, body) {
		return fmt.Errorf("%d bytes came back of %d, or others", len(echo), len(body))
	}
	return nil
}

func tlsConfig(folder, serverName string) (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(filepath.Join(folder, "client.crt"), filepath.Join(folder, "client.key"))
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
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{pair}, RootCAs: roots, ServerName: serverName,
	}, nil
}
