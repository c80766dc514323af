package model

import "github.com/svcgen/svc/internal/manifest"

// defaultTimeout is how long a unary call may take where svc.yaml doesn't say: longer than anybody waits for one that is
// well, and short enough for those behind it not to pile up. A stream may stay open for ever.
const defaultTimeout = "5s"

// Calling is how a method is called by its clients.
type Calling struct {
	Timeout      string // as gRPC's service config has it, such as "0.5s"; empty for none
	Retry        bool   // while the service is unavailable
	WaitForReady bool   // for an instance to be there, instead of failing
}

// callings decides how each method is called: as the contract says, as svc.yaml says of its service, as it says of itself.
func (b *builder) callings(p *Project) {
	for _, s := range p.Services {
		for _, m := range s.Methods {
			if m.Kind == Unary {
				m.Timeout, m.Retry = defaultTimeout, m.Idempotent
			}
		}
	}
	for _, ofService := range []bool{true, false} {
		for _, c := range b.manifest.Calls {
			for _, m := range methodsOf(p, c.Name, ofService) {
				b.applyCalling(m, c)
			}
		}
	}
	for _, c := range b.manifest.Calls {
		if len(methodsOf(p, c.Name, true))+len(methodsOf(p, c.Name, false)) == 0 {
			b.found.At(c.Pos, "name a method, or a service that has methods", "calls: %s is not in the contract", c.Name)
		}
	}
}

// methodsOf are the methods of the service with that name, or else the one method.
func methodsOf(p *Project, name string, ofService bool) []*Method {
	for _, s := range p.Services {
		if ofService && s.FullName == name {
			return s.Methods
		}
		for _, m := range s.Methods {
			if !ofService && m.FullName == name {
				return []*Method{m}
			}
		}
	}
	return nil
}

func (b *builder) applyCalling(m *Method, c manifest.Calling) {
	if c.Timeout != "" {
		m.Timeout = c.Timeout
	}
	if c.Retry != nil {
		m.Retry = *c.Retry
	}
	if c.WaitForReady != nil {
		m.WaitForReady = *c.WaitForReady
	}
	if m.WaitForReady && m.Timeout == "" {
		b.found.At(c.Pos, "give it a timeout", "calls: %s would wait for ever, because a stream has no timeout of its own", m.FullName)
	}
}
