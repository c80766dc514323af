// Package tree holds the files of one generation in memory.
package tree

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode/utf8"
)

// Class says what regeneration may do with a file; see docs/regeneration.md.
type Class string

// The classes of emitted files.
const (
	Owned Class = "owned" // svc's own: overwritten
	Merge Class = "merge" // the user may edit it: three-way
	Decl  Class = "decl"  // handlers and their tests: per declaration
)

// ThirdPartyDir is the import root that a project has for what its contract imports from others and svc has built in.
const ThirdPartyDir = "gen/third_party"

// File is one emitted file.
type File struct {
	Path     string // slash-separated, relative to the project
	Content  []byte
	Class    Class
	Template string // the template that wrote it, or the plugin
	Of       string // the app, or the full name of the service, that it was rendered for; "" when it was for the project
}

// Sum returns the hex SHA-256 of content, the form that the lock records.
func Sum(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// Form returns the sum of a text without its white space and the commas before closing brackets: formatters change
// nothing else in a file that svc emits.
func Form(content []byte) string {
	text := make([]byte, 0, len(content))
	for _, c := range content {
		switch c {
		case ' ', '\t', '\n', '\r':
			continue
		case ')', ']', '}':
			text = bytes.TrimSuffix(text, []byte(","))
		}
		text = append(text, c)
	}
	return Sum(bytes.TrimPrefix(text, []byte("\uFEFF")))
}

// Tree is a set of files with distinct, safe paths, sorted by path.
type Tree struct {
	files []File
}

// New makes a tree of files. It refuses paths that lead outside the project and
// paths that are one file on a file system that ignores case.
func New(files []File) (*Tree, error) {
	sorted := slices.Clone(files)
	slices.SortStableFunc(sorted, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	seen := make(map[string]File, len(sorted))
	for _, f := range sorted {
		if err := CheckPath(f.Path); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Template, err)
		}
		fold := strings.ToLower(f.Path)
		if other, ok := seen[fold]; ok {
			return nil, fmt.Errorf("%s (%s) and %s (%s) are one file where case is ignored", other.Path, other.Template, f.Path, f.Template)
		}
		seen[fold] = f
	}
	for _, f := range sorted {
		for dir := path.Dir(strings.ToLower(f.Path)); dir != "."; dir = path.Dir(dir) {
			if other, ok := seen[dir]; ok {
				return nil, fmt.Errorf("%s (%s) is a file, and the folder of %s (%s)", other.Path, other.Template, f.Path, f.Template)
			}
		}
	}
	return &Tree{files: sorted}, nil
}

// Files returns the files, sorted by path. The caller must not change them.
func (t *Tree) Files() []File { return t.files }

// Lookup returns the file at path.
func (t *Tree) Lookup(path string) (File, bool) {
	i, ok := slices.BinarySearchFunc(t.files, path, func(f File, p string) int { return strings.Compare(f.Path, p) })
	if !ok {
		return File{}, false
	}
	return t.files[i], true
}

// windowsNames are device names on Windows, whatever their extension.
var windowsNames = strings.Fields("con prn aux nul com1 com2 com3 com4 com5 com6 com7 com8 com9 lpt1 lpt2 lpt3 lpt4 lpt5 lpt6 lpt7 lpt8 lpt9")

// CheckPath says why p is not a safe, portable path inside a project, or nil.
// Paths come from contracts, templates and the lock, none of which is trusted.
func CheckPath(p string) error {
	if !utf8.ValidString(p) {
		return fmt.Errorf("unsafe path %q: not UTF-8", p)
	}
	if p == "" || path.IsAbs(p) || path.Clean(p) != p || p == "." {
		return fmt.Errorf("unsafe path %q: not a clean relative path", p)
	}
	for elem := range strings.SplitSeq(p, "/") {
		stem, _, _ := strings.Cut(strings.ToLower(elem), ".")
		stem = strings.TrimRight(stem, " ")
		switch {
		case elem == "..":
			return fmt.Errorf("unsafe path %q: it leads outside the project", p)
		case strings.EqualFold(elem, ".git"), strings.EqualFold(elem, "git~1"): // the latter is its short name on Windows
			return fmt.Errorf("unsafe path %q: it leads into a git directory", p)
		case strings.ContainsAny(elem, "\\:*?\"<>|\x00") || strings.ContainsFunc(elem, func(r rune) bool { return r < ' ' }):
			return fmt.Errorf("unsafe path %q: %q can't be a file name everywhere", p, elem)
		case slices.Contains(windowsNames, stem), strings.HasSuffix(elem, "."), strings.HasSuffix(elem, " "):
			return fmt.Errorf("unsafe path %q: %q can't be a file name on Windows", p, elem)
		}
	}
	return nil
}
