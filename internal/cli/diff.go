package cli

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/aymanbagabas/go-udiff"
)

var hunkHeader = regexp.MustCompile(`(?m)^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@$`)

// unified is the unified diff of two texts. udiff loses count of the lines of the new one where hunks have several changes;
// where a hunk begins there follows from where it began in the old one.
func unified(from, to, before, after string) string {
	grown := 0
	return hunkHeader.ReplaceAllStringFunc(udiff.Unified(from, to, before, after), func(header string) string {
		m := hunkHeader.FindStringSubmatch(header)
		start, _ := strconv.Atoi(m[1]) // digits
		removed, added := lines(m[2]), lines(m[4])
		if start > 0 && added > 0 {
			header = strings.Replace(header, "+"+m[3], fmt.Sprint("+", start+grown), 1)
		}
		grown += added - removed
		return header
	})
}

// lines reads the length of a hunk, which is left out when it is 1.
func lines(length string) int {
	if n, err := strconv.Atoi(length); err == nil {
		return n
	}
	return 1
}
