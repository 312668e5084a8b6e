//go:build linux

package ground

import (
	"fmt"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// wire carries packets between the operator and all others, each with a delay. It uses two
// TUN devices, since the kernel may lack netem.
type wire struct {
	operator, fabric *os.File
	delay            atomic.Int64 // nanoseconds, one way
	lines            map[netip.Addr]*line
	packets          sync.Pool
	pumps            sync.WaitGroup
}

// line is the wire's state of one host.
type line struct {
	cut     atomic.Bool
	in, out tally
}

type tally struct{ packets, bytes atomic.Int64 }

// Traffic counts the IP packets that crossed the wire, seen from the operator.
type Traffic struct {
	InPackets, InBytes, OutPackets, OutBytes int64
}

// mtu is Ethernet's; queue is what waits on the way at 600 Mbit/s and 100 ms.
const (
	mtu   = 1500
	queue = 8192
)

// packet waits on the wire until it is due.
type packet struct {
	due  time.Time
	data *[mtu]byte
	size int
	line *line // nil: not a host's
}

func newWire(delay time.Duration, hosts []netip.Addr) (*wire, error) {
	w := &wire{lines: map[netip.Addr]*line{}}
	w.delay.Store(int64(delay))
	w.packets.New = func() any { return new([mtu]byte) }
	for _, address := range hosts {
		w.lines[address] = &line{}
	}
	var err error
	if w.operator, err = openTUN("operator"); err != nil {
		return nil, err
	}
	if w.fabric, err = openTUN("fabric"); err != nil {
		_ = w.operator.Close()
		return nil, err
	}
	w.carry(w.operator, w.fabric, 16, func(l *line) *tally { return &l.out })
	w.carry(w.fabric, w.operator, 12, func(l *line) *tally { return &l.in })
	return w, nil
}

// openTUN makes the device "wire" in a namespace. Closing the file removes it.
func openTUN(name string) (*os.File, error) {
	var file *os.File
	err := in(name, func() error {
		fd, err := syscall.Open("/dev/net/tun", syscall.O_RDWR|syscall.O_CLOEXEC|syscall.O_NONBLOCK, 0)
		if err != nil {
			return fmt.Errorf("opening /dev/net/tun: %w", err)
		}
		request := struct { // struct ifreq
			name  [syscall.IFNAMSIZ]byte
			flags uint16
			_     [22]byte
		}{flags: syscall.IFF_TUN | syscall.IFF_NO_PI}
		copy(request.name[:], "wire")
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), syscall.TUNSETIFF, uintptr(unsafe.Pointer(&request))); errno != 0 {
			_ = syscall.Close(fd)
			return os.NewSyscallError("TUNSETIFF", errno)
		}
		file = os.NewFile(uintptr(fd), "wire of "+name)
		return nil
	})
	return file, err
}

// carry forwards the packets of one direction, in order. address is the offset of the host's
// address in the IPv4 header; count returns what to count.
func (w *wire) carry(from, to *os.File, address int, count func(*line) *tally) {
	waiting := make(chan packet, queue)
	w.pumps.Go(func() {
		defer close(waiting)
		for {
			p := packet{data: w.packets.Get().(*[mtu]byte)}
			var err error
			if p.size, err = from.Read(p.data[:]); err != nil {
				return // closed
			}
			p.due = time.Now().Add(time.Duration(w.delay.Load()))
			if p.size >= 20 && p.data[0]>>4 == 4 {
				p.line = w.lines[netip.AddrFrom4([4]byte(p.data[address:]))]
			}
			if p.line == nil || !p.line.cut.Load() {
				select {
				case waiting <- p:
					continue
				default: // full, as any router's queue can be
				}
			}
			w.packets.Put(p.data)
		}
	})
	w.pumps.Go(func() {
		for p := range waiting {
			until(p.due)
			if p.line == nil || !p.line.cut.Load() {
				_, _ = to.Write(p.data[:p.size]) // closed: the test is over
				if p.line != nil {
					t := count(p.line)
					t.packets.Add(1)
					t.bytes.Add(int64(p.size))
				}
			}
			w.packets.Put(p.data)
		}
	})
}

// until waits for a moment. time.Sleep rounds up to whole milliseconds.
func until(due time.Time) {
	for left := time.Until(due); left > 0; left = time.Until(due) {
		pause := syscall.NsecToTimespec(int64(left))
		_ = syscall.Nanosleep(&pause, nil) // interrupted: wait for the rest
	}
}

// close takes the wire down. Packets on the way are lost.
func (w *wire) close() {
	w.delay.Store(0)
	_, _ = w.operator.Close(), w.fabric.Close()
	w.pumps.Wait()
}

// SetRTT sets the round-trip time between the operator and all others, from the next packet
// on. There is no delay between hosts and the control plane.
func (g *Ground) SetRTT(rtt time.Duration) { g.wire.delay.Store(int64(rtt / 2)) }

// Cut drops every packet between the operator and the host, including those on the way.
// Neither end is notified.
func (h *Host) Cut() { h.line().cut.Store(true) }

// Heal ends a cut.
func (h *Host) Heal() { h.line().cut.Store(false) }

// Traffic returns what the host and the operator exchanged so far.
func (h *Host) Traffic() Traffic {
	l := h.line()
	return Traffic{l.in.packets.Load(), l.in.bytes.Load(), l.out.packets.Load(), l.out.bytes.Load()}
}

func (h *Host) line() *line { return h.ground.wire.lines[h.Address] }
