package outgoing

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/sony/gobreaker/v2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"example.com/jetty/internal/platform/balancing"
)

// Breaker says when a method counts as sick, which it is given time to recover from: its calls fail at once.
type Breaker struct {
	// Ratio is the share of calls, of those in the last 10 seconds, that have to fail. 0 means that there is no breaker.
	Ratio float64

	// MinCalls is how many calls there have to be for their share to mean something.
	MinCalls uint32

	// Pause is how long no call is let through. Then a few are: if they all succeed, the method counts as well again,
	// and else there is another pause.
	Pause time.Duration
}

const (
	window  = 10 * time.Second // long enough for MinCalls of a quiet service, short enough to forget
	bucket  = time.Second      // what is forgotten at a time
	probes  = 3                // calls let through after a pause: one alone may hit the only instance that is well
	lasting = window           // how long a stream is open and silent until it is well: its end would be too late to count
)

// breakers are those of one service. Each method has its own: one may be sick while others are well. Nil lets all through.
type breakers struct {
	service string
	cfg     Breaker
	report  *breakerReport
	methods sync.Map // from a method's name to its *gobreaker.TwoStepCircuitBreaker[any]
}

func newBreakers(service string, cfg Breaker) (*breakers, error) {
	report, err := newBreakerReport(service)
	if err != nil {
		return nil, err
	}
	return &breakers{service: service, cfg: cfg, report: report}, nil
}

func (b *breakers) unary(ctx context.Context, method string, req, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
	if b == nil {
		return invoke(ctx, method, req, reply, conn, options...)
	}
	call, err := b.begin(ctx, conn, method)
	if err != nil {
		return err
	}
	defer call.abandon() // if invoke panics
	err = invoke(ctx, method, req, reply, conn, options...)
	call.end(err)
	return err
}

func (b *breakers) stream(ctx context.Context, desc *grpc.StreamDesc, conn *grpc.ClientConn, method string, open grpc.Streamer, options ...grpc.CallOption) (grpc.ClientStream, error) {
	if b == nil {
		return open(ctx, desc, conn, method, options...)
	}
	call, err := b.begin(ctx, conn, method)
	if err != nil {
		return nil, err
	}
	lasts := time.AfterFunc(lasting, func() { call.end(nil) })
	lasts.Stop() // until it is open: the service may not even be there
	end := func(err error) {
		lasts.Stop()
		call.end(err)
	}
	opened := false
	defer func() {
		if !opened {
			call.abandon() // if open panics
		}
	}()
	// gRPC tells the end of a stream even if nobody reads that far.
	stream, err := open(ctx, desc, conn, method, append(options, grpc.OnFinish(end))...)
	opened = err == nil
	if err != nil {
		end(err)
		return nil, err
	}
	lasts.Reset(lasting)
	return guardedStream{stream, call}, nil
}

// guardedStream counts as a success with the first answer, or when it has lasted: it may stay open for ever, and silent,
// and no other call of the method would be let through while those that show how it is are.
type guardedStream struct {
	grpc.ClientStream
	call *guardedCall
}

func (s guardedStream) RecvMsg(m any) error {
	err := s.ClientStream.RecvMsg(m)
	if err == nil {
		s.call.end(nil)
	}
	return err
}

// begin returns an error if a call of the method would not be let through now.
func (b *breakers) begin(ctx context.Context, conn *grpc.ClientConn, method string) (*guardedCall, error) {
	done, err := b.of(method).Allow()
	if err != nil {
		return nil, status.Errorf(codes.Unavailable, "%s has failed too often and is given time to recover: %v", method, err)
	}
	call := &guardedCall{done: done, patient: true}
	if deadline, limited := ctx.Deadline(); limited {
		call.patient = patient(time.Until(deadline), conn.GetMethodConfig(method).Timeout)
	}
	return call, nil
}

func (b *breakers) of(method string) *gobreaker.TwoStepCircuitBreaker[any] {
	if found, ok := b.methods.Load(method); ok {
		return found.(*gobreaker.TwoStepCircuitBreaker[any])
	}
	found, loaded := b.methods.LoadOrStore(method, gobreaker.NewTwoStepCircuitBreaker[any](b.settings(method)))
	if !loaded {
		b.report.begin(method)
	}
	return found.(*gobreaker.TwoStepCircuitBreaker[any])
}

func (b *breakers) settings(method string) gobreaker.Settings {
	return gobreaker.Settings{
		Name:         method,
		MaxRequests:  probes,
		Interval:     window,
		BucketPeriod: bucket,
		Timeout:      b.cfg.Pause,
		ReadyToTrip: func(counts gobreaker.Counts) bool {
			judged := counts.TotalSuccesses + counts.TotalFailures
			return judged >= b.cfg.MinCalls && float64(counts.TotalFailures) >= b.cfg.Ratio*float64(judged)
		},
		IsExcluded:    func(err error) bool { return errors.Is(err, errNoVerdict) },
		OnStateChange: b.report.change,
	}
}

// errNoVerdict stands for the end of a call that says nothing about how well the service is.
var errNoVerdict = errors.New("no verdict")

// guardedCall is a call that has been let through.
type guardedCall struct {
	once    sync.Once
	done    func(error)
	patient bool // the service had the time that the contract gives it
}

func (c *guardedCall) abandon() { c.once.Do(func() { c.done(errNoVerdict) }) }

// end is told how the call ended. Only what comes first counts.
func (c *guardedCall) end(err error) { c.once.Do(func() { c.done(c.verdict(err)) }) }

// verdict is nil for a service that is well. That is also one that refuses a call, because of what the call asks for.
func (c *guardedCall) verdict(err error) error {
	switch status.Code(err) {
	case codes.Unavailable:
		return err
	case codes.Internal, codes.ResourceExhausted:
		if balancing.Unfit(err) {
			return errNoVerdict
		}
		return err
	case codes.DeadlineExceeded:
		if c.patient {
			return err
		}
		return errNoVerdict
	case codes.Canceled: // by the caller
		return errNoVerdict
	}
	return nil
}

// patient reports whether the time that a caller gives a service is what the contract says that it may take, or at least
// half of it: calls made while serving another one have what is left of its deadline. With less, or without a contract,
// it is the caller's limit that the call exceeds.
func patient(given time.Duration, contract *time.Duration) bool {
	return contract != nil && given >= *contract/2
}
