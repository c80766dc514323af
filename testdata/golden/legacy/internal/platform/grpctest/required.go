package grpctest

import (
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Required sets the fields of an empty message that proto2 requires, which can't be sent without, to their defaults.
func Required[M proto.Message](message M) M {
	setRequired(message.ProtoReflect(), nil)
	return message
}

// setRequired leaves out messages that require themselves: there is no valid one.
func setRequired(message protoreflect.Message, within []protoreflect.FullName) {
	name := message.Descriptor().FullName()
	if slices.Contains(within, name) {
		return
	}
	within = append(within, name)
	fields := message.Descriptor().Fields()
	for i := range fields.Len() {
		switch field := fields.Get(i); {
		case field.Cardinality() != protoreflect.Required:
		case field.Message() != nil:
			setRequired(message.Mutable(field).Message(), within)
		default:
			message.Set(field, field.Default())
		}
	}
}
