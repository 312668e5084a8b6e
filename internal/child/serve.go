package child

import (
	"encoding/binary"
	"encoding/json"
	"io"
	"os"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// Exit codes of a child that is over a limit.
const (
	exitTime   = 91
	exitMemory = 92
)

// maxStack is the maximum size of a stack in bytes, and a quarter of the memory is another:
// Go doubles a stack and copies it.
const maxStack = 160 << 20

// slack is what the system's limit has in addition, in bytes: for stacks of threads, and since
// Go reserves 64 MB at a time. The watch has looked at what of it is in use.
const slack = 128 << 20

// Open makes the function that answers requests, from the payload of Start.
type Open func(payload []byte) (answer func(request []byte) []byte, err error)

// Serve answers the requests of a parent until it closes in. It returns an exit code.
func Serve(in io.Reader, out io.Writer, open Open) int {
	data, err := readFrame(in)
	if err != nil {
		return 1
	}
	var h hello
	if json.Unmarshal(data, &h) != nil {
		return 1
	}
	debug.SetTraceback("none")
	debug.SetMaxStack(int(min(maxStack, h.Limits.Memory/4)))
	debug.SetGCPercent(200)
	debug.SetMemoryLimit(h.Limits.Memory * 3 / 4)
	limitSelf(h.Limits.Memory + slack)
	var until atomic.Int64 // CPU time at which the request must have its answer
	until.Store(int64(cpuTime() + h.Limits.Time))
	go watch(h.Limits.Memory, &until)
	answer, err := open(h.Payload)
	if err != nil {
		return 1
	}
	requests := make(chan []byte)
	go func() {
		for {
			r, err := readFrame(in)
			if err != nil || len(r) < 8 { // the parent has ended, or needs no more
				os.Exit(0)
			}
			requests <- r
		}
	}()
	for r := range requests {
		until.Store(int64(cpuTime()) + int64(binary.BigEndian.Uint64(r)))
		if writeFrame(out, answer(r[8:])) != nil {
			break
		}
	}
	return 0
}

// watch ends the program over a limit. limitSelf catches a leap between two looks.
func watch(memory int64, until *atomic.Int64) {
	for range time.Tick(10 * time.Millisecond) {
		switch {
		case Used() > memory*9/10:
			os.Exit(exitMemory)
		case int64(cpuTime()) > until.Load():
			os.Exit(exitTime)
		}
	}
}
