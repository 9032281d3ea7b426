package main

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// rawCodec hands messages through as bytes: what is measured is the server, and a client that decodes everything would
// share its processor with it.
type rawCodec struct{}

func (rawCodec) Name() string { return "proto" }

func (rawCodec) Marshal(v any) ([]byte, error) {
	bytes, ok := v.([]byte)
	if !ok {
		return nil, fmt.Errorf("%T is no message in bytes", v)
	}
	return bytes, nil
}

func (rawCodec) Unmarshal(data []byte, v any) error {
	into, ok := v.(*[]byte)
	if !ok {
		return fmt.Errorf("%T is no place for bytes", v)
	}
	*into = append((*into)[:0], data...)
	return nil
}

// response is the part of a DeltaDiscoveryResponse that a client acts on. Its bytes are those of the message.
type response struct {
	typeURL   string
	nonce     string
	resources []wireResource
	removed   []string
}

type wireResource struct {
	name    string
	version string
	// any is an encoded google.protobuf.Any; nil in a heartbeat.
	any []byte
}

// parseResponse reads a DeltaDiscoveryResponse. Field numbers: envoy/service/discovery/v3/discovery.proto.
func parseResponse(message []byte) (response, error) {
	var parsed response
	err := fields(message, func(field protowire.Number, value []byte) error {
		switch field {
		case 2:
			resource, err := parseResource(value)
			parsed.resources = append(parsed.resources, resource)
			return err
		case 4:
			parsed.typeURL = string(value)
		case 5:
			parsed.nonce = string(value)
		case 6:
			parsed.removed = append(parsed.removed, string(value))
		}
		return nil
	})
	return parsed, err
}

func parseResource(message []byte) (wireResource, error) {
	var parsed wireResource
	err := fields(message, func(field protowire.Number, value []byte) error {
		switch field {
		case 1:
			parsed.version = string(value)
		case 2:
			parsed.any = value
		case 3:
			parsed.name = string(value)
		}
		return nil
	})
	return parsed, err
}

// fields calls for each length-delimited field, and passes over the others.
func fields(message []byte, each func(protowire.Number, []byte) error) error {
	for len(message) > 0 {
		field, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return protowire.ParseError(n)
		}
		message = message[n:]
		if kind != protowire.BytesType {
			n = protowire.ConsumeFieldValue(field, kind, message)
		} else {
			var value []byte
			if value, n = protowire.ConsumeBytes(message); n >= 0 {
				if err := each(field, value); err != nil {
					return err
				}
			}
		}
		if n < 0 {
			return protowire.ParseError(n)
		}
		message = message[n:]
	}
	return nil
}

// request is a DeltaDiscoveryRequest. Node and cluster are empty but in the first of a stream.
type request struct {
	node, cluster string
	typeURL       string
	subscribe     []string
	unsubscribe   []string
	initial       map[string]string
	nonce         string
}

func (r request) encode() []byte {
	var message []byte
	if r.node != "" {
		node := text(text(nil, 1, r.node), 2, r.cluster)
		message = text(message, 1, string(node))
	}
	message = text(message, 2, r.typeURL)
	for _, name := range r.subscribe {
		message = text(message, 3, name)
	}
	for _, name := range r.unsubscribe {
		message = text(message, 4, name)
	}
	for name, version := range r.initial {
		message = text(message, 5, string(text(text(nil, 1, name), 2, version)))
	}
	if r.nonce != "" {
		message = text(message, 6, r.nonce)
	}
	return message
}

func text(to []byte, field protowire.Number, value string) []byte {
	return protowire.AppendString(protowire.AppendTag(to, field, protowire.BytesType), value)
}
