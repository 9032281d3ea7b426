package main

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"slices"
	"sync"
	"time"
)

// Longest that checks in flight are waited for once the time is over, and that a connection may take to begin.
const graceTime = 5 * time.Second

// order is what is asked for.
type order struct {
	Address     string       `json:"address"`
	TLS         *credentials `json:"tls"`
	Messages    [][]byte     `json:"messages"`
	Paths       []string     `json:"paths"`
	Connections int          `json:"connections"`
	Streams     int          `json:"streams"`
	Ms          int          `json:"ms"`
	PerSecond   float64      `json:"perSecond"`
}

type credentials struct {
	ServerName     string `json:"serverName"`
	RootPem        string `json:"rootPem"`
	CertificatePem string `json:"certificatePem"`
	KeyPem         string `json:"keyPem"`
}

// run loads the server with every connection at once, and sums up.
func (o order) run() map[string]any {
	total := newTally()
	var lock sync.Mutex
	var all sync.WaitGroup
	began := time.Now()
	for index := range o.Connections {
		all.Go(func() {
			tally := o.load(index, began)
			lock.Lock()
			defer lock.Unlock()
			total.add(tally)
		})
	}
	all.Wait()
	slices.Sort(total.latencies)
	return map[string]any{
		"checks": len(total.latencies), "lost": total.lost, "lastLoss": total.lastLoss,
		"p50Us": quantile(total.latencies, 0.5), "p99Us": quantile(total.latencies, 0.99),
		"beganMs": float64(began.UnixNano()) / 1e6, "elapsedMs": float64(time.Since(began).Microseconds()) / 1e3,
		"answers": total.answers,
	}
}

// load is one connection's part. A connection that ends takes the checks in flight with it, and another is dialled.
func (o order) load(index int, began time.Time) *tally {
	tally := newTally()
	until := began.Add(time.Duration(o.Ms) * time.Millisecond)
	next := index
	for time.Now().Before(until) {
		socket, err := o.dial()
		if err != nil {
			tally.lose(1, err)
			time.Sleep(10 * time.Millisecond)
			continue
		}
		c := &connection{order: o, socket: socket, tally: tally, next: next, until: until}
		c.run()
		next = c.next
	}
	return tally
}

func (o order) dial() (net.Conn, error) {
	dialer := &net.Dialer{Timeout: graceTime}
	if o.TLS == nil {
		return dialer.Dial("tcp", o.Address)
	}
	pair, err := tls.X509KeyPair([]byte(o.TLS.CertificatePem), []byte(o.TLS.KeyPem))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(o.TLS.RootPem))
	return tls.DialWithDialer(dialer, "tcp", o.Address, &tls.Config{
		MinVersion: tls.VersionTLS13, ServerName: o.TLS.ServerName, RootCAs: roots,
		Certificates: []tls.Certificate{pair}, NextProtos: []string{"h2"},
	})
}

// tally is what one connection, or all of them, were answered.
type tally struct {
	// Of each check that was answered, in microseconds.
	latencies []int64
	// By message, revision and verdict.
	answers  map[string]int
	lost     int
	lastLoss string
}

func newTally() *tally { return &tally{answers: map[string]int{}} }

func (t *tally) add(other *tally) {
	t.latencies = append(t.latencies, other.latencies...)
	for answer, count := range other.answers {
		t.answers[answer] += count
	}
	if other.lost > 0 {
		t.lose(other.lost, nil)
		t.lastLoss = other.lastLoss
	}
}

func (t *tally) lose(checks int, why error) {
	t.lost += checks
	if why != nil {
		t.lastLoss = why.Error()
	}
}

func quantile(sorted []int64, share float64) int64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[int(share*float64(len(sorted)-1))]
}
