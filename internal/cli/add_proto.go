package cli

import (
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/svcgen/svc/internal/diag"
	"github.com/svcgen/svc/internal/manifest"
	"github.com/svcgen/svc/internal/splice"
)

// protoEdit adds to a file of the contract.
type protoEdit struct {
	*splice.Proto
	symbols *symbols
	path    string // in the project
	old     []byte // nil when there is no file yet
	pkg     string
	file    protoreflect.FileDescriptor // nil when there is none yet
	done    map[string]bool             // imports and messages that have been added
}

// checkEditable says why the contract is not for svc to edit, or nil.
func (a *addition) checkEditable() error {
	if set := a.manifest.Proto.DescriptorSet; set != "" {
		return finding(diag.Pos{File: manifest.FileName}, "change its sources and write it anew, then run svc generate",
			"the contract is a descriptor set, %s, which svc add can't edit", set)
	}
	return nil
}

// openProto opens a file of the contract.
func (a *addition) openProto(s *symbols, file protoreflect.FileDescriptor) (*protoEdit, error) {
	path := a.contract.Paths[file.Path()]
	if !inside(path) {
		return nil, finding(diag.Pos{File: path}, "edit it where it is, then run svc generate", "it is outside of the project, where svc writes nothing")
	}
	content, err := a.read(path)
	if err != nil {
		return nil, err
	}
	proto, err := splice.OpenProto(content)
	if err != nil {
		return nil, finding(diag.Pos{File: path}, "run svc again", "it changed while svc was running: %v", err)
	}
	return &protoEdit{Proto: proto, symbols: s, path: path, old: content, pkg: string(file.Package()), file: file, done: map[string]bool{}}, nil
}

// take makes what was added an edit of the project.
func (a *addition) take(p *protoEdit) error {
	content, err := p.Bytes()
	if err != nil {
		return finding(diag.Pos{File: p.path}, "", "%v", err)
	}
	a.edit(p.path, p.old, content)
	return nil
}

// message returns how the file names the message of an rpc: the one that is given or, when none is, the one of a name in
// the file's package, which is added when there is none. flag is what gives it, and scope the rpc.
func (p *protoEdit) message(flag, given, name, scope string) (string, error) {
	if given != "" {
		return p.givenMessage(flag, given, scope)
	}
	switch d := p.symbols.find(within(p.pkg, name)).(type) {
	case nil:
		if !p.done[name] {
			p.Message(name)
		}
		p.done[name] = true
		return name, nil
	case protoreflect.MessageDescriptor:
		return p.use(d, scope), nil
	default:
		return "", finding(p.symbols.pos(d), "name another type with "+flag, "%s is there already, and is no message", d.FullName())
	}
}

// givenMessage finds a message by its full name, or by one that means it in the scope.
func (p *protoEdit) givenMessage(flag, given, scope string) (string, error) {
	d := p.symbols.resolve(given, scope)
	if d == nil {
		d = p.symbols.find(strings.TrimPrefix(given, "."))
	}
	switch d := d.(type) {
	case protoreflect.MessageDescriptor:
		return p.use(d, scope), nil
	case nil:
		if alike := p.symbols.alike(given); len(alike) > 0 {
			return "", usagef("%s: there is no message %s here; did you mean %s?", flag, given, strings.Join(alike, " or "))
		}
		return "", usagef("%s: the contract has no message %s: declare it first, or leave the flag out", flag, given)
	default:
		return "", finding(p.symbols.pos(d), "an rpc takes and returns messages", "%s is no message", d.FullName())
	}
}

// use imports the file of a message if need be, and returns how to name the message.
func (p *protoEdit) use(d protoreflect.MessageDescriptor, scope string) string {
	path := d.ParentFile().Path()
	known := p.file != nil && visible(p.file, path)
	if !known && !p.done[path] {
		p.Import(path)
		p.done[path] = true
	}
	return p.symbols.reference(d, p.pkg, scope)
}
