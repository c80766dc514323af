package lock

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// formats read the versions of the lock.
var formats = map[int]func(content []byte) (*Lock, error){1: readV1, 2: readV2}

// readV1 reads the first format: no rpcs, no forms, and an object of files.
func readV1(content []byte) (*Lock, error) {
	var in struct {
		Files map[string]Entry `json:"files"`
	}
	if err := json.Unmarshal(content, &in); err != nil {
		return nil, fmt.Errorf("not a lock: %w", err)
	}
	l := New()
	maps.Copy(l.Files, in.Files)
	return l, nil
}

type fileLine struct {
	Path string `json:"path"`
	Entry
}

type rpcLine struct {
	RPC   string `json:"rpc"`
	Shape string `json:"shape"`
}

// readV2 reads lines in any order, and several that say something of one file: git's union of two branches is a lock.
func readV2(content []byte) (*Lock, error) {
	var in struct {
		Files []*fileLine `json:"files"`
		RPCs  []*rpcLine  `json:"rpcs"`
	}
	if err := json.Unmarshal(content, &in); err != nil {
		return nil, fmt.Errorf("not a lock: %w", err)
	}
	l := New()
	for _, f := range in.Files {
		if f == nil {
			continue
		}
		entry := f.Entry
		if other, twice := l.Files[f.Path]; twice {
			entry.Others = append(other.Others, other)
			entry.Others[len(entry.Others)-1].Others = nil
		}
		l.Files[f.Path] = entry
	}
	for _, r := range in.RPCs {
		if r != nil {
			l.RPCs[r.RPC] = r.Shape
		}
	}
	return l, nil
}

// Format writes the lock with a line for each file and each rpc, whatever comes before and after it: git merges it by line.
func (l *Lock) Format() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "{\n  \"version\": %d,\n  \"files\": [\n", Version)
	for _, path := range slices.Sorted(maps.Keys(l.Files)) {
		fmt.Fprintf(&b, "    %s,\n", encode(fileLine{path, l.Files[path]}))
	}
	b.WriteString("    null\n  ],\n  \"rpcs\": [\n") // so that the last line, too, ends with a comma
	for _, name := range slices.Sorted(maps.Keys(l.RPCs)) {
		fmt.Fprintf(&b, "    %s,\n", encode(rpcLine{name, l.RPCs[name]}))
	}
	b.WriteString("    null\n  ]\n}\n")
	return b.Bytes()
}

// encode writes structs of strings, which always encode.
func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v)
	return bytes.TrimRight(b.Bytes(), "\n")
}
