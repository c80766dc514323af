package render

import (
	"bytes"
	"encoding/json"
	"maps"
	"strconv"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig/v3"
)

// allowed are the functions of sprig that templates may use: those whose result depends on their arguments only.
// Left out is all that reads the environment, the clock, the network or a random source, and all that follows map order.
var allowed = strings.Fields(`add add1 sub mul div mod max min
	trim trimAll trimPrefix trimSuffix upper lower title repeat substr nospace trunc contains hasPrefix hasSuffix
	cat indent nindent replace snakecase camelcase kebabcase splitList toStrings join sortAlpha plural wrap
	default empty coalesce ternary list first rest last initial append prepend concat reverse uniq without has compact slice
	dict get set hasKey atoi toString int64 until untilStep seq base dir clean ext isAbs fail b64enc b64dec sha256sum`)

// functions are what templates may call.
var functions = newFunctions()

func newFunctions() template.FuncMap {
	all := sprig.TxtFuncMap()
	fm := template.FuncMap{}
	for _, name := range allowed {
		if f, ok := all[name]; ok {
			fm[name] = f
		}
	}
	maps.Copy(fm, template.FuncMap{
		"comment":    comment,
		"quote":      strconv.Quote,
		"yamlString": yamlString,
		"mdText":     mdText,
	})
	return fm
}

// comment writes lines as a Go or YAML-like line comment with the marker in front; no lines, no comment.
func comment(marker string, lines []string) string {
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = strings.TrimRight(marker+" "+l, " ")
	}
	return strings.Join(out, "\n")
}

// yamlString quotes s for YAML, in the form that JSON and YAML share.
func yamlString(s string) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(s)
	return strings.TrimSuffix(b.String(), "\n"), err
}

var mdEscaper = strings.NewReplacer(
	"\\", "\\\\", "`", "\\`", "*", "\\*", "_", "\\_", "[", "\\[", "]", "\\]", "|", "\\|", "#", "\\#",
	"<", "&lt;", ">", "&gt;", "&", "&amp;", "\r", " ", "\n", " ",
)

// mdText makes s plain text in a line of Markdown, a table's cell included.
func mdText(s string) string { return mdEscaper.Replace(s) }
