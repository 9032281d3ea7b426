// Command checks asks an ext_authz server for verdicts, as several sidecars would: some connections over mutual TLS, some
// checks in flight on each. It writes HTTP/2 frames itself, so that most of the machine is left to the server.
//
//	checks     commands on standard input, answers on standard output, one line of JSON each
//
//	{"id":1,"do":"load","address":"127.0.0.1:15013","tls":{…},"messages":[base64,…],"connections":4,"streams":50,"ms":3000}
//	    as fast as the server answers, or with "perSecond":2000 at that pace, latencies counted from when a check was due;
//	    answered with the checks done, their latencies, and how often each message was answered in which way (answer.go)
//
// With "paths" in place of "messages" it asks a proxy for those, by GET. Without "tls" it speaks HTTP/2 in clear, as a server may that has no certificate.
package main

import (
	"bufio"
	"encoding/json"
	"log"
	"os"
)

// Longest command, in bytes: a few hundred messages of some kilobytes.
const commandBytesMax = 16 << 20

type command struct {
	ID int    `json:"id"`
	Do string `json:"do"`
	order
}

func main() {
	log.SetFlags(0)
	out := json.NewEncoder(os.Stdout)
	if err := out.Encode(map[string]any{"id": 0}); err != nil {
		log.Fatal(err)
	}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, commandBytesMax)
	for lines.Scan() {
		var asked command
		if err := json.Unmarshal(lines.Bytes(), &asked); err != nil {
			log.Fatal(err)
		}
		answer := map[string]any{"error": "no command is called " + asked.Do}
		if asked.Do == "load" {
			answer = asked.run()
		}
		answer["id"] = asked.ID
		if err := out.Encode(answer); err != nil {
			log.Fatal(err)
		}
	}
}
