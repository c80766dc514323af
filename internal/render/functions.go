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

// allowed are the functions of sprig that templates may use: what a layer needs to lay text out, and whose result depends
// on the arguments only. Left out is all that reads the environment, the clock, the network or a random source, and all
// that follows map order. Once a layer of somebody's uses a function, it stays.
var allowed = strings.Fields(`add sub mul div mod max min
	trim trimPrefix trimSuffix upper lower trunc contains hasPrefix hasSuffix replace repeat indent nindent
	snakecase camelcase kebabcase splitList join
	default empty coalesce ternary fail
	list first last rest initial append prepend concat reverse uniq without compact has sortAlpha until
	dict get set hasKey`)

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
