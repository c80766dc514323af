// Package kubernetes reads the cluster's EndpointSlices.
package kubernetes

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/connrotation"

	"example.com/quay/internal/platform/backoff"
)

// Timeout limits one request, watches aside.
const Timeout = 3 * time.Second

// watchFor is how long a watch goes on at most, before the slices are listed anew.
const watchFor = 10 * time.Minute

const resource = "endpointslices"

// Slices are the EndpointSlices of a cluster.
type Slices struct {
	transport   http.RoundTripper
	connections *connrotation.Dialer
	client      rest.Interface
	parameters  runtime.ParameterCodec
}

// NewSlices returns the slices of the cluster that the app runs in, which it reads as the service account of its pod.
func NewSlices() (*Slices, error) {
	config, err := rest.InClusterConfig()
	if err != nil {
		return nil, fmt.Errorf("kubernetes: %w", err)
	}
	return NewSlicesOf(config)
}

// NewSlicesOf returns the slices of the cluster that config is for. It does not connect yet. Of the API's types it has no
// more than it needs: all of them would make the app twice as large.
func NewSlicesOf(config *rest.Config) (*Slices, error) {
	scheme := runtime.NewScheme()
	metav1.AddToGroupVersion(scheme, discoveryv1.SchemeGroupVersion)
	if err := discoveryv1.AddToScheme(scheme); err != nil {
		return nil, fmt.Errorf("kubernetes: %w", err)
	}
	connections := connrotation.NewDialer((&net.Dialer{Timeout: Timeout}).DialContext)
	own := adapt(config)
	own.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	own.Dial = connections.DialContext
	web, err := rest.HTTPClientFor(own)
	if err != nil {
		return nil, fmt.Errorf("kubernetes: %w", err)
	}
	client, err := rest.RESTClientForConfigAndClient(own, web)
	if err != nil {
		return nil, fmt.Errorf("kubernetes: %w", err)
	}
	return &Slices{transport: web.Transport, connections: connections, client: client, parameters: runtime.NewParameterCodec(scheme)}, nil
}

// adapt returns a configuration for the API group of slices.
func adapt(config *rest.Config) *rest.Config {
	own := rest.CopyConfig(config)
	own.APIPath, own.GroupVersion = "/apis", &discoveryv1.SchemeGroupVersion
	own.AcceptContentTypes = runtime.ContentTypeProtobuf + "," + runtime.ContentTypeJSON // the first is cheaper to read
	own.QPS = -1                                                                         // how much it can take, the API server says
	return own
}

// Close ends all connections. Nothing is watched any more by then; but the transport takes a connection for idle only
// some time after its last request was given up, and keeps it for a minute and a half then.
func (s *Slices) Close() {
	utilnet.CloseIdleConnectionsFor(s.transport) // and those that are being made
	s.connections.CloseAll()
}

// List returns all slices of some Services.
func (s *Slices) List(ctx context.Context, namespace string, services []string) (*discoveryv1.EndpointSliceList, error) {
	list := &discoveryv1.EndpointSliceList{}
	options := metav1.ListOptions{LabelSelector: of(services)}
	err := s.client.Get().Namespace(namespace).Resource(resource).VersionedParams(&options, s.parameters).
		Timeout(Timeout).Do(ctx).Into(list)
	return list, err
}

// Watch tells of changes since a list of that version. It ends by itself from time to time.
func (s *Slices) Watch(ctx context.Context, namespace string, services []string, version string) (watch.Interface, error) {
	seconds := int64(backoff.Jitter(watchFor).Seconds())
	options := metav1.ListOptions{
		LabelSelector: of(services), ResourceVersion: version, Watch: true, TimeoutSeconds: &seconds,
	}
	return s.client.Get().Namespace(namespace).Resource(resource).VersionedParams(&options, s.parameters).Watch(ctx)
}

func of(services []string) string {
	return discoveryv1.LabelServiceName + " in (" + strings.Join(services, ",") + ")"
}
