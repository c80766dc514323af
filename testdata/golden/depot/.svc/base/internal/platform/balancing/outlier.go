package balancing

import (
	"encoding/json"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/serviceconfig"
	"google.golang.org/grpc/status"
	_ "google.golang.org/grpc/xds" // has outlier detection, and 14 MB of what that doesn't need
)

const (
	outliersName  = "example.com/depot/outliers"
	detectionName = "outlier_detection_experimental" // grpc-go's: see gRFC A50
)

// Outliers says when an instance is left out, because its calls fail while those of others don't.
type Outliers struct {
	Interval string // how often the calls since the last time are looked at
	MinCalls int    // of an instance within an interval, for its share of failures to mean something
	Percent  int    // of them: more have to fail
	Pause    string // how long the instance is left out; the second time for twice as long, and so on for up to 5 minutes
	Most     int    // percent of the instances that are left out at a time, rounded up: of 30, one of three, two of four
}

// DefaultOutliers are for services with a few instances or more.
var DefaultOutliers = Outliers{
	Interval: "5s",
	MinCalls: 10,
	Percent:  50, // what a breaker bears, of all instances together, one alone doesn't
	Pause:    "15s",
	Most:     30, // if more are sick it isn't the instances, and those that are left would have to do it all
}

// WithoutOutliers has a balancer do without instances that fail. One of a single instance goes on with that.
func WithoutOutliers(o Outliers, balancer map[string]any) map[string]any {
	return config(outliersName, map[string]any{
		"interval":           o.Interval,
		"baseEjectionTime":   o.Pause,
		"maxEjectionPercent": o.Most,
		"failurePercentageEjection": map[string]any{
			"threshold": o.Percent, "enforcementPercentage": 100, "minimumHosts": 2, "requestVolume": o.MinCalls,
		},
		"childPolicy": []any{balancer},
	})
}

// outliersBuilder builds grpc-go's balancer, but that counts every call that is not OK as failed. Here, what is the
// caller's fault is no failure.
type outliersBuilder struct{}

func init() { balancer.Register(outliersBuilder{}) }

func (outliersBuilder) Name() string { return outliersName }

// ParseConfig implements balancer.ConfigParser.
func (outliersBuilder) ParseConfig(settings json.RawMessage) (serviceconfig.LoadBalancingConfig, error) {
	return balancer.Get(detectionName).(balancer.ConfigParser).ParseConfig(settings)
}

func (outliersBuilder) Build(conn balancer.ClientConn, options balancer.BuildOptions) balancer.Balancer {
	return balancer.Get(detectionName).Build(judgedConn{conn}, options)
}

// judgedConn has calls judged before they are counted.
type judgedConn struct{ balancer.ClientConn }

func (c judgedConn) UpdateState(state balancer.State) {
	state.Picker = judgedPicker{state.Picker}
	c.ClientConn.UpdateState(state)
}

type judgedPicker struct{ balancer.Picker }

// Pick implements balancer.Picker.
func (p judgedPicker) Pick(info balancer.PickInfo) (balancer.PickResult, error) {
	result, err := p.Picker.Pick(info)
	if count := result.Done; count != nil {
		result.Done = func(done balancer.DoneInfo) {
			if !failed(done.Err) {
				done.Err = nil
			}
			count(done)
		}
	}
	return result, err
}

// failed reports whether it says something about an instance that a call ended like this.
func failed(err error) bool {
	switch status.Code(err) {
	case codes.Unavailable, codes.DeadlineExceeded:
		return true
	case codes.Internal, codes.ResourceExhausted:
		return !Unfit(err)
	}
	return false
}
