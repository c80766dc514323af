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

// Version is the lock format that this package writes. It reads older ones, too.
const Version = 2

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

// Lock says what svc emitted.
type Lock struct {
	Files map[string]Entry // by path
	// RPCs are the methods that the contract had, by full name, with their shape: a renamed one is known by it.
	RPCs map[string]string
}

// Entry is one emitted file.
type Entry struct {
	Class    tree.Class `json:"class"`
	Template string     `json:"template"`
	Of       string     `json:"of,omitempty"` // the app or the service that it was rendered for
	// Sum is of the content: of an owned file as it was written, of another one as it is kept in the base. Form is of an
	// owned file's text without white space: what a formatter does is no edit.
	Sum  string `json:"sha256"`
	Form string `json:"form,omitempty"`
	// Others is what other branches say of the file, when git has united them.
	Others []Entry `json:"-"`
}

// Says reports whether the content is one that the entry, or the same entry of another branch, is about.
func (e Entry) Says(content []byte) bool {
	sum := tree.Sum(content)
	return e.Sum == sum || slices.ContainsFunc(e.Others, func(o Entry) bool { return o.Sum == sum })
}

// SaysForm is Says for a content that a formatter may have been at.
func (e Entry) SaysForm(content []byte) bool {
	form := tree.Form(content)
	return e.Form == form || slices.ContainsFunc(e.Others, func(o Entry) bool { return o.Form == form })
}

// New returns an empty lock.
func New() *Lock { return &Lock{Files: map[string]Entry{}, RPCs: map[string]string{}} }

// EntryOf returns what the lock says of a file.
func EntryOf(f tree.File) Entry {
	e := Entry{Class: f.Class, Template: f.Template, Of: f.Of, Sum: tree.Sum(f.Content)}
	if f.Class == tree.Owned {
		e.Form = tree.Form(f.Content)
	}
	return e
}

var sum = regexp.MustCompile(`^[0-9a-f]{64}$`)

// Parse reads a lock. A lock that was written by a newer svc, or that names a path outside the project, is an error.
func Parse(content []byte) (*Lock, error) {
	if bytes.Contains(content, []byte("\n<<<<<<<")) {
		return nil, errors.New("it has git conflict markers: take either side, then run svc generate")
	}
	var head struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(content, &head); err != nil {
		return nil, fmt.Errorf("not a lock: %w", err)
	}
	read, ok := formats[head.Version]
	if !ok {
		return nil, fmt.Errorf("%w %d: this svc reads up to version %d", ErrVersion, head.Version, Version)
	}
	l, err := read(content)
	if err != nil {
		return nil, err
	}
	for path, e := range l.Files {
		if err := e.check(path); err != nil {
			return nil, err
		}
	}
	return l, nil
}

func (e Entry) check(path string) error {
	if err := tree.CheckPath(path); err != nil {
		return err
	}
	if first, _, _ := strings.Cut(path, "/"); strings.EqualFold(first, Dir) || strings.EqualFold(path, "svc.yaml") {
		return fmt.Errorf("unsafe path %q: svc never emits it", path)
	}
	if !slices.Contains([]tree.Class{tree.Owned, tree.Merge, tree.Decl}, e.Class) {
		return fmt.Errorf("%s: unknown class %q", path, e.Class)
	}
	if !sum.MatchString(e.Sum) {
		return fmt.Errorf("%s: %q is not a checksum", path, e.Sum)
	}
	return nil
}
