package outgoing

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"

	"google.golang.org/grpc/metadata"

	"example.com/billing/v2/internal/platform/balancing"
	"example.com/billing/v2/internal/platform/requestid"
)

// versionHeader is the metadata key that says which version of a service calls go to: that of one service, as
// acme.pay.v1.Payments=2.1.0, or that of all, as 2.1.0. It is always propagated: what is decided for a request holds for
// all calls that are made for it.
const versionHeader = "x-version"

// Canary is a version of a service that gets calls that ask for it, and a share of the others.
type Canary struct {
	Version string
	Percent float64
}

// ParseCanary reads 2.1.0 or 2.1.0 5%.
func ParseCanary(text string) (Canary, error) {
	version, share, _ := strings.Cut(strings.TrimSpace(text), " ")
	percent, err := strconv.ParseFloat(strings.TrimSuffix(cmp.Or(share, "0%"), "%"), 64)
	if version == "" || err != nil || !strings.HasSuffix(cmp.Or(share, "0%"), "%") || !(percent >= 0 && percent <= 100) {
		return Canary{}, fmt.Errorf("must be a version and a share of calls, such as 2.1.0 5%%, got %q", text)
	}
	return Canary{Version: version, Percent: percent}, nil
}

// of decides which version of a service calls want.
func (c Canary) of(service string) before {
	return func(ctx context.Context) context.Context {
		wanted := asked(service, outgoing(ctx, versionHeader))
		if wanted == "" && draw(ctx, service) < c.Percent/100 {
			wanted = c.Version
			ctx = metadata.AppendToOutgoingContext(ctx, versionHeader, service+"="+wanted)
		}
		if wanted == "" {
			return ctx
		}
		return balancing.WithVersion(ctx, wanted)
	}
}

// asked returns the version of a service that the header's values ask for, or "". One that names the service wins.
func asked(service string, values []string) string {
	var ofAll string
	for _, value := range values {
		of, version, named := strings.Cut(value, "=")
		switch {
		case named && of == service:
			return version
		case !named:
			ofAll = value
		}
	}
	return ofAll
}

// draw returns a number from 0 to 1. All calls to a service that are made for the same request draw the same one, in
// whichever service they are made.
func draw(ctx context.Context, service string) float64 {
	id := requestid.FromContext(ctx)
	if id == "" {
		return rand.Float64()
	}
	sum := sha256.Sum256([]byte(service + " " + id))
	return float64(binary.BigEndian.Uint64(sum[:])) / math.MaxUint64
}
