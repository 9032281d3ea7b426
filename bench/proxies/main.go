// Command proxies is thousands of sidecars in one process, as far as a control plane can tell: a TLS connection, a token and
// a delta ADS stream each, and Envoy's own rules of asking and acknowledging (holdings.go).
//
//	proxies FLEET_FILE ADDRESS     commands on standard input, answers on standard output, one line of JSON each
//
//	{"id":1,"do":"connect"}   all streams, or with "oneOf":4 every fourth; answered when the last proxy has acknowledged all it asked for
//	{"id":2,"do":"cut"}       every connection ends at once; what is held is kept
//	{"id":3,"do":"sightings"} ACKs of marked resources (mark.go) since the last time
//	{"id":4,"do":"counts"}    what was received so far, and the processor time of this process
//	{"id":5,"do":"held"}      versions by type and name, of each proxy
//
// What they do not do is act: a real Envoy's own work is measured beside them, never by them.
package main

import (
	"bufio"
	"crypto/x509"
	"encoding/json"
	"log"
	"os"
	"syscall"
	"time"
)

// fleetFile says who connects.
type fleetFile struct {
	ServerName string `json:"serverName"`
	RootPem    string `json:"rootPem"`
	Proxies    []struct {
		ID      string `json:"id"`
		Cluster string `json:"cluster"`
		Token   string `json:"token"`
	} `json:"proxies"`
}

type command struct {
	ID    int    `json:"id"`
	Do    string `json:"do"`
	OneOf int    `json:"oneOf"`
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 3 {
		log.Fatal("usage: proxies FLEET_FILE ADDRESS")
	}
	f, err := readFleet(os.Args[1], os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	out := json.NewEncoder(os.Stdout)
	if err := out.Encode(map[string]any{"id": 0}); err != nil {
		log.Fatal(err)
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var asked command
		if err := json.Unmarshal(lines.Bytes(), &asked); err != nil {
			log.Fatal(err)
		}
		answer := f.answer(asked)
		answer["id"] = asked.ID
		if err := out.Encode(answer); err != nil {
			log.Fatal(err)
		}
	}
}

func readFleet(path, address string) (*fleet, error) {
	bytes, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var file fleetFile
	if err := json.Unmarshal(bytes, &file); err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(file.RootPem))
	f := &fleet{address: address, serverName: file.ServerName, roots: roots}
	book := newReferenceBook()
	for index, each := range file.Proxies {
		p := &proxy{index: index, fleet: f, held: newHoldings(book)}
		p.node.id, p.node.cluster, p.node.token = each.ID, each.Cluster, each.Token
		f.proxies = append(f.proxies, p)
	}
	return f, nil
}

func (f *fleet) answer(asked command) map[string]any {
	switch asked.Do {
	case "connect":
		began, last := f.connect(max(1, asked.OneOf))
		return map[string]any{"beganMs": epochMs(began), "lastMs": epochMs(last)}
	case "cut":
		f.cut()
		return map[string]any{}
	case "sightings":
		rows := [][]any{}
		for _, each := range f.sightings() {
			rows = append(rows, []any{each.proxy, each.name, each.mark, epochMs(each.at)})
		}
		return map[string]any{"sightings": rows}
	case "held":
		held := []map[string]map[string]string{}
		for _, each := range f.proxies {
			held = append(held, each.held.snapshot())
		}
		return map[string]any{"held": held}
	case "counts":
		return map[string]any{
			"messages": f.messages.Load(), "resources": f.resources.Load(), "bytes": f.bytes.Load(),
			"streamsLost": f.streamsLost.Load(), "lastLoss": f.loss(), "cpuUs": cpuUs(),
		}
	}
	return map[string]any{"error": "no command is called " + asked.Do}
}

func epochMs(at time.Time) float64 { return float64(at.UnixNano()) / 1e6 }

func cpuUs() int64 {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return usage.Utime.Nano()/1e3 + usage.Stime.Nano()/1e3
}
