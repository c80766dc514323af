package e2e_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

// foreign is a client that knows nothing of the project: it learns the contract by reflection.
type foreign struct {
	*grpc.ClientConn
	methods map[string]protoreflect.MethodDescriptor // that it has asked for
}

func dial(t *testing.T, target string, options ...grpc.DialOption) foreign {
	t.Helper()
	options = append(options,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig": [{"round_robin": {}}]}`),
		grpc.WithDefaultCallOptions(grpc.WaitForReady(true))) // a test is patient, see within
	conn, err := grpc.NewClient(target, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return foreign{conn, map[string]protoreflect.MethodDescriptor{}}
}

// call calls a method, such as shop.cart.v1.Cart/ImportItems, with requests in JSON, and returns its answers in JSON.
// Each is waited for before the next request is sent to a method that streams both ways.
func (f foreign) call(ctx context.Context, t *testing.T, method string, requests []string, options ...grpc.CallOption) ([]string, error) {
	t.Helper()
	m := f.method(t, method)
	desc := &grpc.StreamDesc{ServerStreams: m.IsStreamingServer(), ClientStreams: m.IsStreamingClient()}
	stream, err := f.NewStream(ctx, desc, "/"+method, options...)
	if err != nil {
		return nil, err
	}
	var answers []string
	receive := func() error {
		answer := dynamicpb.NewMessage(m.Output())
		if err := stream.RecvMsg(answer); err != nil {
			return err
		}
		answers = append(answers, compactJSON(t, answer))
		return nil
	}
	for _, r := range requests {
		request := dynamicpb.NewMessage(m.Input())
		if err := protojson.Unmarshal([]byte(r), request); err != nil {
			t.Fatal(err)
		}
		if err := stream.SendMsg(request); err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		if m.IsStreamingClient() && m.IsStreamingServer() {
			if err := receive(); err != nil {
				return answers, err
			}
		}
	}
	if err := stream.CloseSend(); err != nil {
		return nil, err
	}
	for {
		err := receive()
		if errors.Is(err, io.EOF) || err == nil && !m.IsStreamingServer() {
			return answers, nil
		}
		if err != nil {
			return answers, err
		}
	}
}

func compactJSON(t *testing.T, m proto.Message) string {
	t.Helper()
	content, err := protojson.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(content, &v); err != nil {
		t.Fatal(err)
	}
	content, err = json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// method asks the server for the contract of a method, once.
func (f foreign) method(t *testing.T, method string) protoreflect.MethodDescriptor {
	t.Helper()
	if f.methods[method] == nil {
		f.methods[method] = f.learn(t, method)
	}
	return f.methods[method]
}

func (f foreign) learn(t *testing.T, method string) protoreflect.MethodDescriptor {
	t.Helper()
	service, name, _ := strings.Cut(method, "/")
	set := &descriptorpb.FileDescriptorSet{}
	answer := f.reflect(t, &reflectionpb.ServerReflectionRequest{
		MessageRequest: &reflectionpb.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: service},
	})
	for _, content := range answer.GetFileDescriptorResponse().GetFileDescriptorProto() {
		file := &descriptorpb.FileDescriptorProto{}
		if err := proto.Unmarshal(content, file); err != nil {
			t.Fatal(err)
		}
		set.File = append(set.File, file)
	}
	files, err := protodesc.NewFiles(set)
	if err != nil {
		t.Fatalf("%s by reflection: %v", service, err)
	}
	found, err := files.FindDescriptorByName(protoreflect.FullName(service + "." + name))
	if err != nil {
		t.Fatalf("%s by reflection: %v", method, err)
	}
	return found.(protoreflect.MethodDescriptor)
}

// services lists what the server serves, by reflection.
func (f foreign) services(t *testing.T) []string {
	t.Helper()
	answer := f.reflect(t, &reflectionpb.ServerReflectionRequest{
		MessageRequest: &reflectionpb.ServerReflectionRequest_ListServices{},
	})
	var names []string
	for _, s := range answer.GetListServicesResponse().GetService() {
		names = append(names, s.GetName())
	}
	slices.Sort(names)
	return names
}

func (f foreign) reflect(t *testing.T, request *reflectionpb.ServerReflectionRequest) *reflectionpb.ServerReflectionResponse {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	stream, err := reflectionpb.NewServerReflectionClient(f).ServerReflectionInfo(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(request); err != nil {
		t.Fatal(err)
	}
	answer, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	if e := answer.GetErrorResponse(); e != nil {
		t.Fatalf("reflection: %s", e.GetErrorMessage())
	}
	return answer
}

// health returns the status of a service, or of the whole server for "".
func (f foreign) health(t *testing.T, service string) healthpb.HealthCheckResponse_ServingStatus {
	t.Helper()
	answer, err := healthpb.NewHealthClient(f).Check(within(t), &healthpb.HealthCheckRequest{Service: service})
	if err != nil {
		t.Fatalf("health of %q: %v", service, err)
	}
	return answer.GetStatus()
}

// watch watches the health of the server, which serves.
func (f foreign) watch(t *testing.T) healthpb.Health_WatchClient {
	t.Helper()
	watched, err := healthpb.NewHealthClient(f).Watch(within(t), &healthpb.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	answer, err := watched.Recv()
	if err != nil || answer.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		t.Fatalf("the health that is watched is %v, %v, want SERVING", answer.GetStatus(), err)
	}
	return watched
}
