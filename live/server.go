package live

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/rest"

	"github.com/kcmgen/kcmgen/internal/promtext"
)

// Server is the secure port of a kube-controller-manager, asked with a user's credentials.
type Server struct {
	addr   string
	plugin string // the credential plugin's command; empty: none is run
	http   *http.Client
}

// At returns the kube-controller-manager at addr, host:port. It must show the first
// certificate of cert, as PEM. An empty cert accepts any, and then no token or password is
// sent: a client certificate's key doesn't leave this machine, those would. dial makes the
// connections; nil: net/http's own.
func (c *Client) At(addr string, cert []byte, dial Dial) (*Server, error) {
	block, err := toPin(cert)
	if err != nil {
		return nil, err
	}
	cfg := rest.CopyConfig(c.config)
	cfg.UserAgent = userAgent
	plugin := c.plugin
	if block == nil {
		plugin = ""
		cfg.BearerToken, cfg.BearerTokenFile, cfg.Username, cfg.Password = "", "", "", ""
		cfg.ExecProvider, cfg.AuthProvider = nil, nil
	}
	how, err := rest.TLSConfigFor(cfg)
	if err != nil {
		return nil, err
	}
	if how == nil {
		how = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	// Pinning one certificate is stricter than checking its chain.
	how.InsecureSkipVerify = true
	how.VerifyConnection = func(s tls.ConnectionState) error { return pinned(s, block) }
	how.NextProtos = []string{"http/1.1"}
	rt, err := rest.HTTPWrappersForConfig(cfg, &failing{&http.Transport{DialContext: dial, TLSClientConfig: how}})
	if err != nil {
		return nil, err
	}
	return &Server{addr, plugin, &http.Client{
		Transport:     rt,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// failing tells errors of a connection from those of credentials. It limits the time of
// requests, as bounded does.
type failing struct{ next *http.Transport }

// RoundTrip is http.RoundTripper.RoundTrip.
func (f *failing) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(req.Context(), requestTimeout)
	resp, err := f.next.RoundTrip(req.WithContext(ctx))
	if err != nil {
		defer cancel()
		return nil, &transportError{inTime(ctx, err)}
	}
	resp.Body = &body{resp.Body, ctx, cancel}
	return resp, nil
}

// CloseIdleConnections is what utilnet.CloseIdleConnectionsFor looks for.
func (f *failing) CloseIdleConnections() { f.next.CloseIdleConnections() }

// body is the body of an answer, as it comes.
type body struct {
	io.ReadCloser

	ctx context.Context
	end context.CancelFunc
}

// Read tells errors of the connection from those of what was read. A server that is left may
// end its answer as if it were complete.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && (!errors.Is(err, io.EOF) || b.ctx.Err() != nil) {
		err = &transportError{inTime(b.ctx, err)}
	}
	return n, err
}

func (b *body) Close() error {
	defer b.end()
	return b.ReadCloser.Close()
}

// Close closes idle connections.
func (s *Server) Close() { utilnet.CloseIdleConnectionsFor(s.http.Transport) }

// get sends a request, and has read read the answer. After an error, read may still run.
func (s *Server) get(ctx context.Context, path, accept string, read func(io.Reader) error) error {
	what := "reading " + path
	return ask(ctx, s.addr, what, s.plugin, func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+s.addr+path, nil)
		if err != nil {
			return err
		}
		if accept != "" {
			req.Header.Set("Accept", accept)
		}
		resp, err := s.http.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return &Error{s.addr, what, refusal(resp.StatusCode), errors.New(resp.Status)}
		}
		return read(resp.Body)
	})
}

// refusal returns the reason of an HTTP status other than 200.
func refusal(status int) error {
	switch {
	case status == http.StatusUnauthorized:
		return ErrUnauthorized
	case status == http.StatusForbidden:
		return ErrForbidden
	case status == http.StatusNotFound, status == http.StatusNotAcceptable:
		return ErrNotServed
	case status == http.StatusTooManyRequests, status >= 500:
		return ErrUnavailable
	}
	return ErrAnswer
}

// Metrics is what a kube-controller-manager's metrics say.
type Metrics struct {
	Version string    `json:"version,omitempty"` // of the program
	Started time.Time `json:"started"`           // by the host's clock; zero: unknown
	// Leads is what it thinks; nil if it takes no part in leader election.
	Leads  *bool          `json:"leads,omitempty"`
	Queues []Queue        `json:"queues,omitempty"`         // of its controllers, sorted by name
	Codes  map[string]int `json:"clientRequests,omitempty"` // its requests to the apiserver, by status code
	Gates  []Gate         `json:"gates,omitempty"`          // feature gates that are on, sorted by name
	Memory int64          `json:"memory,omitempty"`         // resident, in bytes
}

// Queue is a controller's work queue.
type Queue struct {
	Name       string  `json:"name"`
	Depth      int     `json:"depth"`
	Added      int     `json:"added"`   // since the process started
	Retried    int     `json:"retried"` // since the process started
	Unfinished float64 `json:"unfinished"`
	Oldest     float64 `json:"oldest"` // for how long its longest running work has taken, in seconds
}

// Gate is a feature gate.
type Gate struct {
	Name  string `json:"name"`
	Stage string `json:"stage"` // ALPHA, BETA, …; "" if it is generally available
}

// maxMetrics bounds a page of metrics, in bytes. That of a leader with 5,000 nodes has 2 MB.
const maxMetrics = 48 << 20

// Metrics reads /metrics. It returns an *Error if that can't be read.
func (s *Server) Metrics(ctx context.Context) (*Metrics, error) {
	var out *Metrics
	err := s.get(ctx, "/metrics", "text/plain;version=0.0.4", func(r io.Reader) (err error) {
		out, err = readMetrics(r)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// flagzType is the structured form of /flagz. Without it the answer is a text whose
// separators vary.
const flagzType = "application/json;g=config.k8s.io;v=v1beta1;as=Flagz, application/json;g=config.k8s.io;v=v1alpha1;as=Flagz"

// Flagz reads the flags of the running process, with their values; unset ones have their
// defaults. It returns an *Error, with ErrNotServed for a version without /flagz.
func (s *Server) Flagz(ctx context.Context) (map[string]string, error) {
	var out struct {
		Kind  string            `json:"kind"`
		Flags map[string]string `json:"flags"`
	}
	err := s.get(ctx, "/flagz", flagzType, func(r io.Reader) error {
		text, err := readAll(r)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(text, &out); err != nil {
			return err
		}
		if out.Kind != "Flagz" || len(out.Flags) == 0 {
			return fmt.Errorf("it is of kind %.100q", out.Kind)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out.Flags, nil
}

// metricNames are the metrics that are read.
var metricNames = []string{
	"kubernetes_build_info", "process_start_time_seconds", "process_resident_memory_bytes", "leader_election_master_status",
	"workqueue_depth", "workqueue_adds_total", "workqueue_retries_total", "workqueue_unfinished_work_seconds",
	"workqueue_longest_running_processor_seconds", "rest_client_requests_total", "kubernetes_feature_enabled",
}

func readMetrics(r io.Reader) (*Metrics, error) {
	all, err := promtext.Read(r, maxMetrics, metricNames...)
	if err != nil {
		return nil, err
	}
	return metricsOf(all)
}
