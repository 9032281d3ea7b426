package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// One connection: `streams` checks in flight, in one loop that reads an answer and writes the next question. With a pace, a
// second loop says when a check is due; one that finds every stream taken waits, and its wait counts.
type connection struct {
	order
	socket net.Conn
	tally  *tally
	// Which message is next.
	next  int
	until time.Time

	out     *bufio.Writer
	framer  *http2.Framer
	encoder *hpack.Encoder
	headers bytes.Buffer
	lastID  uint32
	flying  map[uint32]*check
	// When the next check is due, with a pace.
	dueAt time.Time
	// What may still be sent: of the connection, and of a stream when it begins.
	window, streamWindow, frameMax int
	peerIsReady, leaves            bool
}

type check struct {
	message int
	dueAt   time.Time
	body    []byte
	status  string
}

const windowBytes = 1 << 30

func (c *connection) run() {
	defer c.socket.Close()
	if err := c.talk(); err != nil {
		c.tally.lose(max(1, len(c.flying)), err)
	}
}

func (c *connection) talk() error {
	c.out = bufio.NewWriterSize(c.socket, 64<<10)
	in := bufio.NewReaderSize(c.socket, 64<<10)
	c.framer = http2.NewFramer(c.out, in)
	c.framer.ReadMetaHeaders = hpack.NewDecoder(4_096, nil)
	c.framer.SetReuseFrames()
	c.encoder = hpack.NewEncoder(&c.headers)
	c.flying = map[uint32]*check{}
	c.window, c.streamWindow, c.frameMax, c.dueAt = 65_535, 65_535, 16_384, time.Now()
	_, _ = c.out.WriteString(http2.ClientPreface)
	_ = c.framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: windowBytes})
	_ = c.framer.WriteWindowUpdate(0, windowBytes)
	if err := c.out.Flush(); err != nil {
		return err
	}
	for {
		began := time.Now()
		if err := c.ask(); err != nil {
			return err
		}
		if len(c.flying) == 0 && (c.leaves || c.isOver()) {
			return nil
		}
		// Questions leave together once all answers that came together are read.
		if in.Buffered() == 0 {
			if err := c.out.Flush(); err != nil {
				return err
			}
			wait, isPaced := c.waitUntil(began)
			_ = c.socket.SetReadDeadline(wait)
			// Peeked at, so that a deadline never cuts a frame in two.
			_, err := in.Peek(1)
			if isLate(err) && isPaced {
				continue
			}
			if err != nil {
				return err
			}
			_ = c.socket.SetReadDeadline(c.until.Add(graceTime))
		}
		frame, err := c.framer.ReadFrame()
		if err == nil {
			err = c.take(frame)
		}
		if err != nil {
			return err
		}
	}
}

// isOver tells whether no further check is due.
func (c *connection) isOver() bool {
	return !time.Now().Before(c.until) || c.PerSecond > 0 && !c.dueAt.Before(c.until)
}

// The next time that something is to be done though nothing comes; whether it is that a check is due. One that was due
// before it was tried waits for the server: for its settings, or a window.
func (c *connection) waitUntil(began time.Time) (time.Time, bool) {
	if c.PerSecond > 0 && len(c.flying) < c.Streams && c.dueAt.Before(c.until) && c.dueAt.After(began) {
		return c.dueAt, true
	}
	return c.until.Add(graceTime), false
}

func isLate(err error) bool {
	var of net.Error
	return errors.As(err, &of) && of.Timeout()
}

// ask fills the streams that are free with what is due.
func (c *connection) ask() error {
	for c.peerIsReady && !c.leaves && len(c.flying) < c.Streams {
		now := time.Now()
		if !now.Before(c.until) {
			return nil
		}
		due := now
		if c.PerSecond > 0 {
			if c.dueAt.After(now) {
				return nil
			}
			due = c.dueAt
			c.dueAt = due.Add(time.Duration(float64(c.Connections) / c.PerSecond * float64(time.Second)))
		}
		sent, err := c.send(due)
		if err != nil || !sent {
			return err
		}
	}
	return nil
}

func (c *connection) send(dueAt time.Time) (bool, error) {
	if len(c.Paths) > 0 {
		return true, c.get(dueAt)
	}
	message := c.Messages[c.next%len(c.Messages)]
	length := 5 + len(message)
	if c.window < length || c.streamWindow < length || c.frameMax < length {
		return false, nil
	}
	c.begin(requestHeaders)
	frame := make([]byte, length)
	binary.BigEndian.PutUint32(frame[1:], uint32(len(message)))
	copy(frame[5:], message)
	_ = c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: c.lastID, BlockFragment: c.headers.Bytes(), EndHeaders: true})
	if err := c.framer.WriteData(c.lastID, true, frame); err != nil {
		return false, err
	}
	c.window -= length
	c.flying[c.lastID] = &check{message: c.next % len(c.Messages), dueAt: dueAt}
	c.next++
	return true, nil
}

// get asks a proxy for a path, with no body.
func (c *connection) get(dueAt time.Time) error {
	index := c.next % len(c.Paths)
	c.begin([]hpack.HeaderField{
		{Name: ":method", Value: "GET"},
		{Name: ":path", Value: c.Paths[index]},
		{Name: ":scheme", Value: "https"},
		{Name: ":authority", Value: "items.shop"},
	})
	c.flying[c.lastID] = &check{message: index, dueAt: dueAt}
	c.next++
	return c.framer.WriteHeaders(http2.HeadersFrameParam{
		StreamID: c.lastID, BlockFragment: c.headers.Bytes(), EndHeaders: true, EndStream: true,
	})
}

// begin takes the next stream and encodes its headers.
func (c *connection) begin(fields []hpack.HeaderField) {
	if c.lastID == 0 {
		c.lastID = 1
	} else {
		c.lastID += 2
	}
	c.headers.Reset()
	for _, field := range fields {
		_ = c.encoder.WriteField(field)
	}
}

// As Envoy sends them, all but the host's name.
var requestHeaders = []hpack.HeaderField{
	{Name: ":method", Value: "POST"},
	{Name: ":path", Value: "/envoy.service.auth.v3.Authorization/Check"},
	{Name: ":scheme", Value: "https"},
	{Name: ":authority", Value: "authz"},
	{Name: "te", Value: "trailers"},
	{Name: "grpc-timeout", Value: "5S"},
	{Name: "content-type", Value: "application/grpc"},
	{Name: "x-envoy-internal", Value: "true"},
}

func (c *connection) take(frame http2.Frame) error {
	switch frame := frame.(type) {
	case *http2.SettingsFrame:
		return c.settle(frame)
	case *http2.PingFrame:
		if !frame.IsAck() {
			return c.framer.WritePing(true, frame.Data)
		}
	case *http2.WindowUpdateFrame:
		if frame.StreamID == 0 {
			c.window += int(frame.Increment)
		}
	case *http2.GoAwayFrame:
		c.leaves = true
	case *http2.DataFrame:
		if asked := c.flying[frame.StreamID]; asked != nil {
			asked.body = append(asked.body, frame.Data()...)
			if frame.StreamEnded() {
				c.finish(frame.StreamID, asked)
			}
		}
	case *http2.MetaHeadersFrame:
		if asked := c.flying[frame.StreamID]; asked != nil {
			for _, field := range frame.Fields {
				if field.Name == "grpc-status" || field.Name == ":status" && len(c.Paths) > 0 {
					asked.status = field.Value
				}
			}
			if frame.StreamEnded() {
				c.finish(frame.StreamID, asked)
			}
		}
	case *http2.RSTStreamFrame:
		if c.flying[frame.StreamID] != nil {
			delete(c.flying, frame.StreamID)
			c.tally.lose(1, fmt.Errorf("reset: %v", frame.ErrCode))
		}
	}
	return nil
}

func (c *connection) settle(frame *http2.SettingsFrame) error {
	if frame.IsAck() {
		return nil
	}
	c.peerIsReady = true
	_ = frame.ForeachSetting(func(setting http2.Setting) error {
		switch setting.ID {
		case http2.SettingInitialWindowSize:
			c.streamWindow = int(setting.Val)
		case http2.SettingMaxFrameSize:
			c.frameMax = int(setting.Val)
		}
		return nil
	})
	return c.framer.WriteSettingsAck()
}

func (c *connection) finish(id uint32, asked *check) {
	delete(c.flying, id)
	c.tally.latencies = append(c.tally.latencies, time.Since(asked.dueAt).Microseconds())
	c.tally.answers[answerOf(asked)]++
}
