package balancing

import (
	"strings"

	"google.golang.org/grpc/status"
)

// Unfit reports whether a call has failed because gRPC refuses a message, on one of the two sides: one that is too large,
// or that can't be encoded. It uses the codes of instances that are not well, and says more only in words.
func Unfit(err error) bool {
	text := status.Convert(err).Message()
	return strings.HasPrefix(text, "grpc: error while marshaling") || strings.Contains(text, "larger than max ")
}
