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
var reserved = strings.Fields(`pb app bufconn client clients cfg codes config context conn ctx deps err errors
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

// add returns the alias of an import path, made of want at the first call. It is in lower case, as what
// contracts name in Go never is, so that an import and a declaration can't be called alike.
func (a *aliases) add(importPath, want string) string {
	if alias, ok := a.byPath[importPath]; ok {
		return alias
	}
	alias := strings.ToLower(want)
	if taken(alias) {
		alias += "pb"
	}
	for base, i := alias, 2; a.used[alias] || taken(alias); i++ {
		alias = fmt.Sprint(base, i)
	}
	a.byPath[importPath], a.used[alias] = alias, true
	told := alias == want && alias == path.Base(importPath) && !version.MatchString(alias)
	a.list = append(a.list, Import{Alias: alias, Path: importPath, told: told})
	return alias
}

// sorted returns the imports by path.
func (a *aliases) sorted() []Import {
	return slices.SortedFunc(slices.Values(a.list), func(x, y Import) int { return strings.Compare(x.Path, y.Path) })
}

// specialDirs have a meaning to Go, to the emitted layout below gen/, or to Windows; protogen can't import init.
var specialDirs = strings.Fields(`internal vendor testdata wire clients init aux con nul prn
	com1 com2 com3 com4 com5 com6 com7 com8 com9 lpt1 lpt2 lpt3 lpt4 lpt5 lpt6 lpt7 lpt8 lpt9`)

// shadowed are names of import paths' last elements under which the stub plugins import packages where they have
// a variable of that name: they would take one for the other.
var shadowed = strings.Fields("b b0 c cOpts ctx dec err in info interceptor m m0 opts req srv stream sv v x")

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
		if slices.Contains(specialDirs, strings.ToLower(e)) || i == len(elems)-1 && slices.Contains(shadowed, e) {
			e += "pb"
		}
		elems[i] = e
	}
	return strings.Join(elems, "/")
}

var notInIdentifier = regexp.MustCompile(`^[0-9]|^$|[^0-9A-Za-z_]`)

// identifier makes s a Go identifier that can be part of an import path, too, by replacing what can't be in one.
func identifier(s string) string {
	return notInIdentifier.ReplaceAllStringFunc(s, func(bad string) string {
		if bad != "" && bad[0] >= '0' && bad[0] <= '9' {
			return "_" + bad
		}
		return "_"
	})
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

// systems end a Go file's name when it is for one operating system or architecture.
var systems = strings.Fields(`aix android darwin dragonfly freebsd hurd illumos ios js linux nacl netbsd openbsd plan9 solaris
	wasip1 windows zos 386 amd64 amd64p32 arm armbe arm64 arm64be loong64 mips mipsle mips64 mips64le mips64p32 mips64p32le ppc ppc64
	ppc64le riscv riscv64 s390 s390x sparc sparc64 wasm`)

// constrained reports whether Go would leave out a file of that name on some systems.
func constrained(stem string) bool {
	stem = strings.TrimSuffix(stem, "_test") // Go looks before it
	i := strings.LastIndexByte(stem, '_')
	return i >= 0 && slices.Contains(systems, stem[i+1:])
}

// fileStem is the name of a service's file, without .go.
func fileStem(service string) string {
	stem := snake(service)
	if constrained(stem) || strings.HasSuffix(stem, "_test") || slices.Contains(specialDirs, stem) {
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

// exported makes an element of a proto package part of an exported Go name: pick_up → PickUp.
func exported(elem string) string {
	var b strings.Builder
	for word := range strings.SplitSeq(elem, "_") {
		if word != "" {
			b.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
	}
	return b.String()
}

// envPrefix turns an app's name into the prefix of its environment variables: my-shop → MY_SHOP.
func envPrefix(app string) string {
	return strings.ToUpper(strings.ReplaceAll(app, "-", "_"))
}

// plusBuild is what gofmt moves to the top of the file, wherever it stands.
var plusBuild = regexp.MustCompile(`^\s*\+build`)

// docLines splits a comment into lines that are safe in a comment of any language that has line comments.
func docLines(comment string) []string {
	comment = strings.TrimRight(strings.ToValidUTF8(comment, "\uFFFD"), " \t\r\n")
	if doc, ok := strings.CutPrefix(comment, "*"); ok { // it began with /**
		comment = strings.TrimLeft(doc, "\r\n")
	}
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
		line = plusBuild.ReplaceAllString(line, " + build")
		lines = append(lines, strings.TrimRight(strings.TrimPrefix(line, " "), " \t"))
	}
	return lines
}
