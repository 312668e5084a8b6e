package deploytest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kcmgen/kcmgen/deploy/plan"
	"github.com/kcmgen/kcmgen/deploy/rollout"
)

// Script sets up a world, runs rollouts in it and returns a trace, one line per event.
// Lines of a script:
//
//	hosts 3 [GENERATION]     hosts that run a generation (old), or none; the first leads
//	leader cp-2              this host leads instead
//	handover                 the lease of a restarted leader is given back
//	config new start=ends lead=ends
//	stop cp-3                its process has ended for good before the rollout
//	other cp-3               the rollout doesn't name it
//	edited cp-2              another program changes its unit file just before its turn
//	crash cp-3 2s            its process ends then, and is started again
//	away 10s 25s             the apiserver isn't there between these times
//	lose 12                  the answer to the 12th action of the next run is lost
//	unheard 12               the 12th action itself is lost
//	cut 12                   the operator is gone after the 12th action
//	interrupt 3s             the operator interrupts
//	deploy new               a rollout; also rollback OLD
//	pass 60s                 time passes
//	all                      the following runs show looks and waits, too
func Script(text string) (string, error) {
	s := &script{}
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		if err := s.do(words[0], words[1:]); err != nil {
			return s.out.String(), fmt.Errorf("%s: %w", strings.Join(words, " "), err)
		}
	}
	return s.out.String(), nil
}

type script struct {
	world *World
	next  Run // the settings of the next run
	all   bool
	out   strings.Builder
}

func (s *script) do(word string, args []string) error {
	arg := func(i int) string {
		if i < len(args) {
			return args[i]
		}
		return ""
	}
	number := func(i int) int { n, _ := strconv.Atoi(arg(i)); return n }
	at := func(i int) time.Time { d, _ := time.ParseDuration(arg(i)); return Start.Add(d) }
	if (s.world == nil) != (word == "hosts") {
		return fmt.Errorf("hosts must be the first line, and only there")
	}
	switch word {
	case "hosts":
		s.world = newWorldOf(number(0), arg(1))
		s.world.Told = func(format string, args ...any) { s.line("  * "+format, args...) }
	case "leader":
		s.world.Lead(arg(0))
	case "handover":
		s.world.HandsOver = true
	case "config":
		c, err := configOf(args[1:])
		s.world.Configs[arg(0)] = c
		return err
	case "stop":
		s.world.Stop(arg(0))
	case "other":
		s.world.Host(arg(0)).Other = true
	case "away":
		s.world.Outages = append(s.world.Outages, at(0), at(1))
	case "edited":
		s.world.Edited = arg(0)
	case "crash":
		s.world.Crash = map[string]time.Time{arg(0): at(1)}
	case "lose":
		s.next.LoseAnswer = number(0)
	case "unheard":
		s.next.LoseAction = number(0)
	case "cut":
		s.next.CutAfter = number(0)
	case "interrupt":
		s.next.Interrupt = at(0)
	case "all":
		s.all = true
	case "pass":
		s.world.Advance(at(0).Add(s.world.Now.Sub(Start)))
		s.hosts()
	case "deploy", "rollback":
		return s.run(word, arg(0))
	default:
		return fmt.Errorf("no such line")
	}
	return nil
}

// configOf parses words such as start=ends.
func configOf(words []string) (c Config, err error) {
	for _, w := range words {
		key, value, _ := strings.Cut(w, "=")
		switch key {
		case "start":
			c.Start = value
		case "lead":
			c.Lead = value
		default:
			err = fmt.Errorf("%q isn't known", w)
		}
	}
	return c, err
}

func newWorldOf(hosts int, generation string) *World {
	switch generation {
	case "":
		return NewWorld(hosts, "old")
	case plan.None:
		return Empty(hosts)
	}
	return NewWorld(hosts, generation)
}

func (s *script) line(format string, args ...any) {
	fmt.Fprintf(&s.out, "%6.2fs %s\n", s.world.Now.Sub(Start).Seconds(), fmt.Sprintf(format, args...))
}

// looks are actions that change nothing.
var looks = []rollout.Kind{rollout.Wait, rollout.ReadLease, rollout.Examine, rollout.Look, rollout.ReadFormerApiserver, rollout.ReadLog}

func (s *script) run(action, generation string) error {
	r := s.next
	s.next = Run{}
	r.World = s.world
	r.Told = func(a rollout.Action, e rollout.Event) {
		mark := "→"
		if a.Kind == rollout.Tell {
			mark = " "
		} else if !s.all && e.Err == nil && slices.Contains(looks, a.Kind) {
			return
		}
		if e.Err != nil {
			s.line("%s %v: %v", mark, a, e.Err)
			return
		}
		s.line("%s %v", mark, a)
	}
	s.line("%s %s", action, generation)
	ended, faulty := r.Go(action, generation)
	switch {
	case faulty != nil:
		return faulty
	case !ended:
		s.line("the operator is gone")
	default:
		_, err := r.State.Done()
		s.line("ended: %v", err)
	}
	s.hosts()
	return nil
}

// hosts prints what each host has.
func (s *script) hosts() {
	for _, h := range s.world.Hosts {
		text := h.Name + " has " + h.Unit
		if h.Trial != nil {
			text += ", on trial"
		}
		if h.Unit != plan.None || h.pid != 0 {
			text += ", " + map[bool]string{true: "healthy", false: "not healthy"}[s.world.Works(h)]
		}
		if h.Name == s.world.Holder && h.pid != 0 {
			text += ", leads"
		}
		s.line("  %s", text)
	}
}
