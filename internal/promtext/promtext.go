// Package promtext reads and writes metrics in Prometheus' text format.
package promtext

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// Sample is one value of a metric.
type Sample struct {
	Labels map[string]string
	Value  float64
}

// Family is a metric with its samples: a gauge, or a counter if Counter is set.
type Family struct {
	Name    string
	Help    string // one line
	Counter bool
	Samples []Sample
}

// maxLine bounds a line of a page, in bytes.
const maxLine = 64 << 10

// maxKept bounds the lines that are kept of a page, in bytes. The parser takes about a
// hundred times as much memory.
const maxKept = 1 << 20

// TooLongError is a page or a line that is longer than any real one.
type TooLongError struct {
	What  string
	Limit int64 // in bytes
}

func (e *TooLongError) Error() string {
	return fmt.Sprintf("%s is longer than %d KiB", e.What, e.Limit>>10)
}

// Read reads the metrics with these names from a page of at most limit bytes: their samples,
// by name. Only counters, gauges and untyped metrics have any. It keeps no other line in
// memory.
func Read(r io.Reader, limit int64, names ...string) (map[string][]Sample, error) {
	kept, err := keep(r, limit, names)
	if err != nil {
		return nil, err
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(kept))
	var fault expfmt.ParseError
	switch {
	case errors.As(err, &fault): // its line is one of those kept, and it quotes the page
		return nil, fmt.Errorf("it isn't Prometheus' text format: %.200q", fault.Msg)
	case err != nil:
		return nil, err
	}
	out := map[string][]Sample{}
	for name, f := range families {
		for _, m := range f.Metric {
			s := Sample{Labels: map[string]string{}}
			for _, l := range m.Label {
				s.Labels[l.GetName()] = l.GetValue()
			}
			switch {
			case m.Gauge != nil:
				s.Value = m.Gauge.GetValue()
			case m.Counter != nil:
				s.Value = m.Counter.GetValue()
			case m.Untyped != nil:
				s.Value = m.Untyped.GetValue()
			default:
				continue
			}
			out[name] = append(out[name], s)
		}
	}
	return out, nil
}

// keep returns a page's lines about some metrics.
func keep(r io.Reader, limit int64, names []string) ([]byte, error) {
	var out []byte
	in := bufio.NewReaderSize(&atMost{r, limit, limit}, maxLine)
	for {
		line, err := in.ReadSlice('\n')
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			return nil, &TooLongError{"a line", maxLine}
		case err != nil && !errors.Is(err, io.EOF):
			return nil, err
		}
		if slices.Contains(names, nameIn(string(line))) {
			out = append(out, line...)
		}
		switch {
		case len(out) > maxKept:
			return nil, &TooLongError{"what is asked for", maxKept}
		case err != nil:
			return append(out, '\n'), nil
		}
	}
}

// nameIn returns the metric that a line is about; "" if it is about none.
func nameIn(line string) string {
	line = strings.TrimSpace(line)
	if about, ok := strings.CutPrefix(line, "# TYPE "); ok {
		line = about
	}
	return line[:max(0, strings.IndexAny(line, "{ \t"))]
}

// atMost is a reader that fails after a number of bytes.
type atMost struct {
	r     io.Reader
	left  int64
	limit int64
}

func (a *atMost) Read(p []byte) (int, error) {
	n, err := a.r.Read(p)
	if a.left -= int64(n); a.left < 0 {
		return 0, &TooLongError{"it", a.limit}
	}
	return n, err
}

// Write writes metrics. Samples are written in their order, labels sorted by name.
func Write(w io.Writer, families []Family) error {
	for _, f := range families {
		kind := dto.MetricType_GAUGE
		if f.Counter {
			kind = dto.MetricType_COUNTER
		}
		out := &dto.MetricFamily{Name: &f.Name, Help: &f.Help, Type: &kind}
		for _, s := range f.Samples {
			out.Metric = append(out.Metric, metric(s, f.Counter))
		}
		if len(out.Metric) == 0 {
			continue
		}
		if _, err := expfmt.MetricFamilyToText(w, out); err != nil {
			return err
		}
	}
	return nil
}

func metric(s Sample, counter bool) *dto.Metric {
	m := &dto.Metric{}
	var names []string
	for name := range s.Labels {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		value := s.Labels[name]
		m.Label = append(m.Label, &dto.LabelPair{Name: &name, Value: &value})
	}
	value := s.Value
	if counter {
		m.Counter = &dto.Counter{Value: &value}
	} else {
		m.Gauge = &dto.Gauge{Value: &value}
	}
	return m
}
