package engine

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing/fstest"

	"github.com/svcgen/svc/internal/merge"
)

// The lines of owners are known by a token.
var tokens = regexp.MustCompile(`mine\d+`)

// edit has the owner change a file, or delete it.
func (s *sequence) edit() error {
	var files []string
	err := s.walk(func(path string, _ []byte) error {
		if base := filepath.Base(path); base != "go.sum" && base != "go.mod" && !strings.HasSuffix(path, ".json") {
			files = append(files, path)
		}
		return nil
	})
	if err != nil {
		return err
	}
	name := pick(s.rand, files)
	if s.rand.IntN(3) == 0 { // handlers are edited more than anything else
		if handlers := matching(files, "internal/service/p*"); len(handlers) > 0 {
			name = pick(s.rand, handlers)
		}
	}
	file := filepath.Join(s.dir, filepath.FromSlash(name))
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if source := strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go"); s.rand.IntN(25) == 0 && !source {
		return s.delete(name, file) // without a source, nobody expects the project to build
	}
	edited := s.edited(name, string(content))
	return os.WriteFile(file, []byte(edited), 0o644)
}

func matching(files []string, prefix string) (list []string) {
	for _, f := range files {
		if strings.HasPrefix(f, strings.TrimSuffix(prefix, "*")) {
			list = append(list, f)
		}
	}
	return list
}

// delete takes a file away, with the owner's lines in it.
func (s *sequence) delete(name, file string) error {
	s.log = append(s.log, "delete "+name)
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	for _, token := range tokens.FindAllString(string(content), -1) {
		delete(s.written, token)
	}
	return os.Remove(file)
}

// edited writes a line of the owner's into a text, in a way that its readers understand.
func (s *sequence) edited(name, content string) string {
	s.lines++
	token := fmt.Sprintf("mine%d", s.lines)
	s.written[token] = name
	lines := strings.SplitAfter(content, "\n")
	at := s.rand.IntN(len(lines))
	s.log = append(s.log, fmt.Sprintf("edit %s:%d %s", name, at+1, token))
	switch {
	case path.Ext(name) == ".go":
		return s.editedGo(content, lines, at, token)
	case strings.HasSuffix(name, ".md"), strings.HasSuffix(name, "NOTES.txt"):
		lines[at] = token + "\n" + lines[at]
	default:
		s.comment(lines, at, "# "+token)
	}
	edited := strings.Join(lines, "")
	if merge.Check(name, []byte(edited)) != nil {
		return content + "\n# " + token + "\n" // it was in the middle of a text in YAML
	}
	return edited
}

// comment puts a comment before a line, or at its end: then it is a line of svc's that the owner has changed.
func (s *sequence) comment(lines []string, at int, comment string) {
	line, newline := strings.CutSuffix(lines[at], "\n")
	if s.rand.IntN(2) == 0 || !newline || strings.TrimSpace(line) == "" || strings.HasSuffix(line, "\\") {
		lines[at] = comment + "\n" + lines[at]
		return
	}
	lines[at] = line + " " + comment + "\n"
}

var stub = regexp.MustCompile(`(?m)^\treturn (nil, )?status\.Error\(codes\.Unimplemented, .*$`)

// editedGo implements a method, adds a declaration, or writes a comment.
func (s *sequence) editedGo(content string, lines []string, at int, mark string) string {
	switch n := s.rand.IntN(3); {
	case n == 0 && stub.MatchString(content):
		places := stub.FindAllStringIndex(content, -1)
		p := pick(s.rand, places)
		s.log = append(s.log, "  a method is implemented")
		return content[:p[0]] + "\t_ = \"" + mark + "\"\n" + content[p[0]:]
	case n == 1:
		return content + "\nfunc _() {} // " + mark + "\n"
	}
	s.comment(lines, at, "// "+mark)
	edited := strings.Join(lines, "")
	if _, err := parser.ParseFile(token.NewFileSet(), "", edited, parser.ParseComments); err != nil {
		return content + "\n// " + mark + "\n" // it was in the middle of a string
	}
	return edited
}

// released returns svc's templates as another release of svc might have them.
func released(templates fs.FS, release int) fs.FS {
	changed := fstest.MapFS{}
	changes := map[string][2]string{
		"project/Makefile.tmpl":                        {".PHONY: test\n", fmt.Sprintf("# Release %d.\n.PHONY: test\n", release)},
		"project/README.md.tmpl":                       {"## ", fmt.Sprintf("Release %d.\n\n## ", release)},
		"core/cmd/[app]/main.go.tmpl":                  {"func main() {\n", fmt.Sprintf("// main is of release %d.\nfunc main() {\n", release)},
		"core/internal/service/[service].go.tmpl":      {"returns a handler that works with deps", fmt.Sprintf("returns a handler of release %d", release)},
		"core/internal/service/[service]_test.go.tmpl": {"Give its Deps fakes here.", fmt.Sprintf("Give it fakes (%d).", release)},
	}
	_ = fs.WalkDir(templates, ".", func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		content, err := fs.ReadFile(templates, p)
		if c, ok := changes[p]; ok && release > 0 {
			content = []byte(strings.Replace(string(content), c[0], c[1], 1))
		}
		changed[p] = &fstest.MapFile{Data: content}
		return err
	})
	return changed
}
