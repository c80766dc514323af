package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/svcgen/svc/internal/splice"
	"github.com/svcgen/svc/internal/ui"
)

type addRPCOptions struct {
	name                       string // with its service
	request, response          string
	clientStream, serverStream bool
}

func newAddRPC(io *ui.IO, all *addOptions) *cobra.Command {
	var o addRPCOptions
	c := &cobra.Command{
		Use:   "rpc SERVICE.METHOD",
		Short: "Add an rpc to a service of the contract, and generate",
		Long: `Add an rpc to a service in its .proto file, and generate.
The service may be named by the last part of its name where that is clear. Without --request or --response the messages
are METHODRequest and METHODResponse; they are added to the file unless the package has them. Other files are imported.`,
		RunE: func(c *cobra.Command, args []string) (err error) {
			if o.name, err = oneArg(c, args); err != nil {
				return err
			}
			return all.run(c.Context(), io, func(a *addition) error { return o.decide(c.Context(), a) })
		},
	}
	f := c.Flags()
	f.StringVar(&o.request, "request", "", "the `message` that it takes (default METHODRequest)")
	f.StringVar(&o.response, "response", "", "the `message` that it returns (default METHODResponse)")
	f.BoolVar(&o.clientStream, "client-stream", false, "it takes a stream")
	f.BoolVar(&o.serverStream, "server-stream", false, "it returns a stream")
	return c
}

func (o addRPCOptions) decide(ctx context.Context, a *addition) error {
	s, err := a.symbols(ctx)
	if err != nil {
		return err
	}
	service, method, err := o.place(a, s)
	if err != nil {
		return err
	}
	p, err := a.openProto(s, service.ParentFile())
	if err != nil {
		return err
	}
	rpc, err := o.rpc(p, method, string(service.FullName()))
	if err != nil {
		return err
	}
	if err := p.RPC(string(service.Name()), rpc); err != nil {
		return err
	}
	a.say("rpc %s.%s to %s", service.FullName(), method, a.shown(p.path))
	return a.take(p)
}

// place finds the service, and sees that it has no such rpc.
func (o addRPCOptions) place(a *addition, s *symbols) (service protoreflect.ServiceDescriptor, method string, err error) {
	dot := strings.LastIndexByte(o.name, '.')
	if dot < 0 {
		return nil, "", usagef("%s names no service: svc add rpc SERVICE.%s", o.name, o.name)
	}
	if method = o.name[dot+1:]; !identifier.MatchString(method) {
		return nil, "", usagef("%q is not a name: use letters, digits and _, starting with a letter", method)
	}
	full, err := fullName(o.name[:dot], a.contract.Services())
	if err != nil {
		return nil, "", usageError{err}
	}
	service, ok := s.find(full).(protoreflect.ServiceDescriptor)
	if !ok {
		return nil, "", usagef("%s is no service", full)
	}
	if m := service.Methods().ByName(protoreflect.Name(method)); m != nil {
		return nil, "", finding(s.pos(m), "choose another name", "there is an rpc %s already", m.FullName())
	}
	return service, method, nil
}

// rpc is what is added, with its messages.
func (o addRPCOptions) rpc(p *protoEdit, method, service string) (splice.RPC, error) {
	scope := within(service, method)
	request, err := p.message("--request", o.request, method+"Request", scope)
	if err != nil {
		return splice.RPC{}, err
	}
	response, err := p.message("--response", o.response, method+"Response", scope)
	return splice.RPC{Name: method, Request: request, Response: response, ClientStream: o.clientStream, ServerStream: o.serverStream}, err
}
