package model

import (
	"fmt"
	"go/token"
	"go/types"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// reserved are identifiers that templates declare or import beside the names they take from a contract.
var reserved = strings.Fields(`pb app bufconn client clients cfg codes config context conn ctx deps durationpb err errors
	dial dialer fmt grpc grpctest insecure io main r registrar req resp s server service slog status stream t testing tests time tt wire`)

func taken(name string) bool {
	return slices.Contains(reserved, name) || token.IsKeyword(name) || types.Universe.Lookup(name) != nil
}

// aliases gives imports names that are unique in one file.
type aliases struct {
	byPath map[string]string
	used   map[string]bool
	list   []Import
}

func newAliases() *aliases {
	return &aliases{byPath: map[string]string{}, used: map[string]bool{}}
}

// add returns the alias of an import path, made of want at the first call.
func (a *aliases) add(importPath, want string) string {
	if alias, ok := a.byPath[importPath]; ok {
		return alias
	}
	alias := want
	if taken(alias) {
		alias += "pb"
	}
	for base, i := alias, 2; a.used[alias] || taken(alias); i++ {
		alias = fmt.Sprint(base, i)
	}
	a.byPath[importPath], a.used[alias] = alias, true
	a.list = append(a.list, Import{Alias: alias, Path: importPath})
	return alias
}

// sorted returns the imports by path.
func (a *aliases) sorted() []Import {
	return slices.SortedFunc(slices.Values(a.list), func(x, y Import) int { return strings.Compare(x.Path, y.Path) })
}

// specialDirs have a meaning to Go, to the emitted layout below gen/, or to Windows.
var specialDirs = strings.Fields("internal vendor testdata wire clients aux con nul prn")

// packageDir is the folder, below gen/ or internal/service/, of a proto package, or of a file that declares none.
func packageDir(protoPackage, file string) string {
	elems := strings.Split(protoPackage, ".")
	if protoPackage == "" {
		elems = strings.Split(strings.TrimSuffix(file, path.Ext(file)), "/")
	}
	for i, e := range elems {
		e = identifier(e)
		if strings.HasPrefix(e, "_") {
			e = "x" + e
		}
		if slices.Contains(specialDirs, strings.ToLower(e)) {
			e += "pb"
		}
		elems[i] = e
	}
	return strings.Join(elems, "/")
}

// identifier makes s a Go identifier by replacing what can't be in one.
func identifier(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return '_'
	}, s)
	if s == "" || unicode.IsDigit(rune(s[0])) {
		s = "_" + s
	}
	return s
}

var version = regexp.MustCompile(`^v[0-9]+((alpha|beta|p[0-9]+alpha|p[0-9]+beta)[0-9]+)?$`)

// packageName is the idiomatic Go name of the package in dir: its last element, with the one before when that is a version.
func packageName(dir string) string {
	elems := strings.Split(dir, "/")
	name := elems[len(elems)-1]
	if len(elems) > 1 && version.MatchString(name) {
		name = elems[len(elems)-2] + name
	}
	name = strings.ToLower(strings.ReplaceAll(name, "_", ""))
	if name == "" || token.IsKeyword(name) || types.Universe.Lookup(name) != nil || name == "main" || name == "init" {
		name += "pb"
	}
	return name
}

// handlerType names the type that implements a service. NewX is the constructor of X, so a service that
// is itself called NewX gets another name.
func handlerType(service string) string {
	if rest, ok := strings.CutPrefix(service, "New"); ok && rest != "" && !unicode.IsLower(rune(rest[0])) {
		return service + "Handler"
	}
	return service
}

// fileSuffixes end a Go file's name with a meaning: a test, or a system or architecture it is for.
var fileSuffixes = strings.Fields(`test aix android darwin dragonfly freebsd hurd illumos ios js linux nacl netbsd openbsd plan9 solaris
	wasip1 windows zos 386 amd64 amd64p32 arm armbe arm64 arm64be loong64 mips mipsle mips64 mips64le mips64p32 mips64p32le ppc ppc64
	ppc64le riscv riscv64 s390 s390x sparc sparc64 wasm`)

// constrained reports whether Go would leave out a file of that name on some systems, or take it for a test.
func constrained(stem string) bool {
	i := strings.LastIndexByte(stem, '_')
	return i >= 0 && slices.Contains(fileSuffixes, stem[i+1:])
}

// fileStem is the name of a service's file, without .go.
func fileStem(service string) string {
	stem := snake(service)
	if constrained(stem) || slices.Contains(specialDirs, stem) {
		stem += "_service"
	}
	return stem
}

// snake turns a Go name into lower-case words: HTTPServer → http_server.
func snake(name string) string {
	var b strings.Builder
	runes := []rune(name)
	for i, r := range runes {
		if unicode.IsUpper(r) && i > 0 && runes[i-1] != '_' {
			next := i+1 < len(runes) && unicode.IsLower(runes[i+1])
			if !unicode.IsUpper(runes[i-1]) || next {
				b.WriteByte('_')
			}
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// envPrefix turns an app's name into the prefix of its environment variables: my-shop → MY_SHOP.
func envPrefix(app string) string {
	return strings.ToUpper(strings.ReplaceAll(app, "-", "_"))
}

// docLines splits a comment into lines that are safe in a comment of any language that has line comments.
func docLines(comment string) []string {
	comment = strings.TrimRight(strings.ToValidUTF8(comment, "\uFFFD"), " \t\r\n")
	if strings.TrimSpace(comment) == "" {
		return nil
	}
	var lines []string
	for line := range strings.SplitSeq(strings.ReplaceAll(comment, "\r\n", "\n"), "\n") {
		line = strings.Map(func(r rune) rune {
			if r == '\uFEFF' || r != '\t' && unicode.IsControl(r) {
				return -1
			}
			return r
		}, line)
		lines = append(lines, strings.TrimRight(strings.TrimPrefix(line, " "), " \t"))
	}
	return lines
}
