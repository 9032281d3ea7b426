package main

import (
	"bytes"
	"fmt"
)

// answerOf tells which answer a check got, as `MESSAGE VERDICT REVISION`: the verdict is `allow`, `deny`, or `status N` of gRPC.
//
// It looks for what our answers carry in dynamic metadata instead of decoding them. The answer of a server that carries no
// metadata is `ok` where gRPC says so, whatever else is in it, and so is a 200 of a proxy.
func answerOf(asked *check) string {
	if asked.status == "200" {
		return fmt.Sprintf("%d ok", asked.message)
	}
	if asked.status != "0" {
		return fmt.Sprintf("%d status %s", asked.message, asked.status)
	}
	verdict := textAfter(asked.body, "verdict")
	if verdict == "" {
		return fmt.Sprintf("%d ok", asked.message)
	}
	return fmt.Sprintf("%d %s %s", asked.message, verdict, textAfter(asked.body, "revision"))
}

// textAfter is the text of an entry of a google.protobuf.Struct: key, then a value (field 2) that holds a string (field 3).
func textAfter(body []byte, key string) string {
	at := bytes.Index(body, append([]byte{0x0a, byte(len(key))}, key...))
	if at < 0 {
		return ""
	}
	// Tag and length of the value, tag and length of its text: lengths below 128, as all of ours are.
	rest := body[at+2+len(key):]
	if len(rest) < 4 || rest[0] != 0x12 || rest[2] != 0x1a || int(rest[3]) > len(rest)-4 {
		return ""
	}
	return string(rest[4 : 4+int(rest[3])])
}
