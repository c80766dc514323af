// Package lock reads and writes .svc/lock.json: what the last generation emitted.
// The lock is committed with the project and is not trusted.
package lock

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/svcgen/svc/internal/tree"
)

// Version is the lock format that this package reads and writes.
const Version = 1

// Dir is svc's own folder at the root of a project.
const Dir = ".svc"

// Path is the lock's place in a project; BasePath is where the pristine content of a file is kept.
const (
	Path    = Dir + "/lock.json"
	baseDir = Dir + "/base/"
)

// BasePath returns where the content that svc last emitted for a file is kept: the middle leg of a merge.
func BasePath(path string) string { return baseDir + path }

// ErrVersion means that another svc, most likely a newer one, wrote the lock.
var ErrVersion = errors.New("unsupported lock version")

// Lock says what svc emitted, by path.
type Lock struct {
	Version int              `json:"version"`
	Files   map[string]Entry `json:"files"`
}

// Entry is one emitted file.
type Entry struct {
	Class    tree.Class `json:"class"`
	Template string     `json:"template"`
	Sum      string     `json:"sha256"`
}

// New returns an empty lock.
func New() *Lock { return &Lock{Version: Version, Files: map[string]Entry{}} }

var sum = regexp.MustCompile(`^[0-9a-f]{64}$`)

// Parse reads a lock. A lock that was written by a newer svc, or that names a path outside the project, is an error.
func Parse(content []byte) (*Lock, error) {
	if bytes.Contains(content, []byte("\n<<<<<<<")) {
		return nil, errors.New("it has git conflict markers: take either side, then run svc generate")
	}
	l := &Lock{}
	if err := json.Unmarshal(content, l); err != nil {
		return nil, fmt.Errorf("not a lock: %w", err)
	}
	if l.Version != Version {
		return nil, fmt.Errorf("%w %d: this svc reads version %d", ErrVersion, l.Version, Version)
	}
	if l.Files == nil {
		l.Files = map[string]Entry{}
	}
	for path, e := range l.Files {
		if err := tree.CheckPath(path); err != nil {
			return nil, err
		}
		if first, _, _ := strings.Cut(path, "/"); strings.EqualFold(first, Dir) || strings.EqualFold(path, "svc.yaml") {
			return nil, fmt.Errorf("unsafe path %q: svc never emits it", path)
		}
		if !sum.MatchString(e.Sum) {
			return nil, fmt.Errorf("%s: %q is not a checksum", path, e.Sum)
		}
		if !slices.Contains([]tree.Class{tree.Owned, tree.Merge, tree.Decl}, e.Class) {
			return nil, fmt.Errorf("%s: unknown class %q", path, e.Class)
		}
	}
	return l, nil
}

// Format writes the lock with a line for each file, so that git merges it by line.
func (l *Lock) Format() []byte {
	paths := make([]string, 0, len(l.Files))
	for p := range l.Files {
		paths = append(paths, p)
	}
	slices.Sort(paths)
	var b bytes.Buffer
	fmt.Fprintf(&b, "{\n  \"version\": %d,\n  \"files\": {", l.Version)
	for i, p := range paths {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "\n    %s: %s", encode(p), encode(l.Files[p]))
	}
	b.WriteString("\n  }\n}\n")
	return b.Bytes()
}

// encode writes strings and structs of strings, which always encode.
func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v)
	return bytes.TrimRight(b.Bytes(), "\n")
}
