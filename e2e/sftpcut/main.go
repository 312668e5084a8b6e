// Command sftpcut wraps a real sftp-server and stops at a packet:
//
//	sftpcut COUNTER N HOW PROGRAM ARGUMENT...
//
// The N-th packet (from 1 on) isn't forwarded (HOW is "before"), is forwarded in part
// ("inside"), or is forwarded and its answer isn't ("after"). The file COUNTER then holds the
// number of packets. If N is 0, packets are only counted.
package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "sftpcut:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	n, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	server := exec.Command(args[3], args[4:]...)
	server.Stderr = os.Stderr
	to, err := server.StdinPipe()
	if err != nil {
		return err
	}
	from, err := server.StdoutPipe()
	if err != nil {
		return err
	}
	if err := server.Start(); err != nil {
		return err
	}
	c := cut{n: n, how: args[2], answered: make(chan struct{}, 1)}
	go func() { c.err = c.answers(os.Stdout, from) }()
	came := c.requests(to, os.Stdin)
	_ = os.WriteFile(args[0], []byte(strconv.Itoa(came)), 0o600)
	if n > 0 && came >= n {
		return server.Process.Kill()
	}
	_ = to.Close()
	return server.Wait()
}

type cut struct {
	n        int
	how      string
	answered chan struct{}
	err      error
}

// requests forwards packets, up to the one to stop at, and counts them.
func (c *cut) requests(to io.Writer, from io.Reader) int {
	for came := 1; ; came++ {
		p, err := packet(from)
		if err != nil {
			return came - 1
		}
		if came == c.n {
			switch c.how {
			case "inside":
				_, _ = to.Write(p[:len(p)/2])
			case "silent":
				_, _ = io.Copy(io.Discard, from)
			case "after":
				_, _ = to.Write(p)
				<-c.answered
			}
			return came
		}
		if _, err := to.Write(p); err != nil {
			return came
		}
	}
}

// answers forwards answers. Each request has one, in turn, so the n-th belongs to the packet
// to stop at.
func (c *cut) answers(to io.Writer, from io.Reader) error {
	for came := 1; ; came++ {
		p, err := packet(from)
		if err != nil {
			return err
		}
		if came == c.n && c.how == "after" {
			c.answered <- struct{}{}
			return nil
		}
		if _, err := to.Write(p); err != nil {
			return err
		}
	}
}

// packet reads a packet, including its length.
func packet(r io.Reader) ([]byte, error) {
	var length [4]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(length[:])
	if n > 1<<20 {
		return nil, fmt.Errorf("a packet of %d bytes", n)
	}
	p := make([]byte, 4+n)
	copy(p, length[:])
	_, err := io.ReadFull(r, p[4:])
	return p, err
}
