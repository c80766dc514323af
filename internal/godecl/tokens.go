package godecl

import (
	"bytes"
	"go/format"
	"go/scanner"
	"go/token"
	"slices"
	"strings"
)

// Same reports whether two Go texts are the same apart from white space: what a formatter may change is no edit.
func Same(a, b []byte) bool {
	return bytes.Equal(a, b) || sameInk(a, b) && slices.Equal(tokens(a), tokens(b))
}

// sameInk compares what a formatter leaves alone: it answers nearly always what tokens would, and costs nothing.
func sameInk(a, b []byte) bool {
	for {
		a, b = skip(a), skip(b)
		if len(a) == 0 || len(b) == 0 {
			return len(a) == len(b)
		}
		if a[0] != b[0] {
			return false
		}
		a, b = a[1:], b[1:]
	}
}

func skip(s []byte) []byte {
	for len(s) > 0 && strings.IndexByte(" \t\r\n,;", s[0]) >= 0 {
		s = s[1:]
	}
	return s
}

func same(a, b string) bool { return a == b || Same([]byte(a), []byte(b)) }

// lexeme is a token with its text.
type lexeme struct {
	tok  token.Token
	text string
}

// tokens lists the tokens of src, comments included, without the semicolons that line ends imply and without commas before a closing bracket.
func tokens(src []byte) []lexeme {
	var s scanner.Scanner
	fset := token.NewFileSet()
	s.Init(fset.AddFile("", fset.Base(), len(src)), src, func(token.Position, string) {}, scanner.ScanComments)
	var list []lexeme
	for {
		_, tok, lit := s.Scan()
		switch {
		case tok == token.EOF:
			return list
		case tok == token.SEMICOLON && lit == "\n":
		case tok == token.COMMENT:
			list = append(list, lexeme{tok, strings.Join(strings.Fields(lit), " ")})
		case lit != "" && tok != token.SEMICOLON:
			list = append(list, lexeme{tok, lit})
		default:
			if n := len(list); n > 0 && list[n-1].tok == token.COMMA && (tok == token.RPAREN || tok == token.RBRACE || tok == token.RBRACK) {
				list = list[:n-1]
			}
			list = append(list, lexeme{tok, tok.String()})
		}
	}
}

// tidy formats text if what it was made of was formatted: a longer name moves the comments beside it.
func tidy(was, text string) string {
	if !aligned(was, text) {
		return text
	}
	return tidyAll(was, text)
}

// tidyAll is tidy for what has fields or the like, which line up.
func tidyAll(was, text string) string {
	if was == text || !formatted(was) {
		return text
	}
	out, err := format.Source([]byte(plain(text)))
	if err != nil {
		return text
	}
	if strings.Contains(text, "\r\n") {
		return strings.ReplaceAll(string(out), "\n", "\r\n")
	}
	return string(out)
}

// aligned reports whether a text has lines that another one has not, and that a formatter might align or break.
func aligned(was, text string) bool {
	old := map[string]bool{}
	for line := range strings.Lines(plain(was)) {
		old[line] = true
	}
	for line := range strings.Lines(plain(text)) {
		loose := strings.Contains(line, "//") || strings.Contains(line, "/*") || strings.Contains(line, ": ")
		oneLine := strings.Contains(line, "{") && strings.Contains(line, "}")
		if !old[line] && (loose || oneLine) {
			return true
		}
	}
	return false
}

func formatted(text string) bool {
	out, err := format.Source([]byte(plain(text)))
	return err == nil && string(out) == plain(text)
}

// plain is a text with the line ends that a formatter writes.
func plain(s string) string { return strings.ReplaceAll(s, "\r\n", "\n") }
