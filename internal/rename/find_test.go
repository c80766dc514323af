package rename

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// shapes reads "Catalog: Get unary A B; List unary C D | Cart: ..." as a contract of package shop.v1; a service whose name
// has a dot is of another package.
func shapes(text string) Shapes {
	out := Shapes{}
	for service := range strings.SplitSeq(text, "|") {
		name, rpcs, _ := strings.Cut(strings.TrimSpace(service), ":")
		if !strings.Contains(name, ".") {
			name = "shop.v1." + name
		}
		for rpc := range strings.SplitSeq(rpcs, ";") {
			if method, shape, ok := strings.Cut(strings.TrimSpace(rpc), " "); ok {
				out[name+"."+method] = shape
			}
		}
	}
	return out
}

func (f Found) String() string {
	var lines []string
	for _, from := range slices.Sorted(maps.Keys(f.Services)) {
		lines = append(lines, fmt.Sprintf("service %s → %s", from, f.Services[from]))
	}
	for _, from := range slices.Sorted(maps.Keys(f.Methods)) {
		lines = append(lines, fmt.Sprintf("%s → %s", from, f.Methods[from]))
	}
	for _, from := range slices.Sorted(maps.Keys(f.Past)) {
		lines = append(lines, fmt.Sprintf("past %s → %s", from, f.Past[from]))
	}
	for _, d := range f.Doubts {
		lines = append(lines, fmt.Sprintf("%s? %s", d.Gone, strings.Join(d.Candidates, " ")))
	}
	for _, u := range f.Unknown {
		lines = append(lines, fmt.Sprintf("%s: %s: %s", u.Old, u.New, u.Reason))
	}
	return strings.ReplaceAll(strings.Join(lines, "\n"), "shop.v1.", "")
}

func TestFind(t *testing.T) {
	tests := map[string]struct {
		old, next string
		moved     map[string]string
		want      string
	}{
		"nothing changed":         {old: "A: Get unary G P", next: "A: Get unary G P"},
		"an rpc added":            {old: "A: Get unary G P", next: "A: Get unary G P; Put unary G P"},
		"an rpc removed":          {old: "A: Get unary G P; Put unary G P", next: "A: Get unary G P"},
		"renamed":                 {old: "A: Get unary G P", next: "A: Fetch unary G P", want: "A.Get → A.Fetch"},
		"another shape":           {old: "A: Get unary G P", next: "A: Fetch unary F P"},
		"another kind":            {old: "A: Get unary G P", next: "A: Fetch server_stream G P"},
		"one gone, two come":      {old: "A: Get unary G P", next: "A: X unary G P; Y unary G P", want: "A.Get? A.X A.Y"},
		"two gone, one come":      {old: "A: X unary G P; Y unary G P", next: "A: Get unary G P", want: "A.X? A.Get\nA.Y? A.Get"},
		"two gone, of two shapes": {old: "A: X unary G P; Y unary H P", next: "A: V unary H P; W unary G P", want: "A.X → A.W\nA.Y → A.V"},
		"one in each service":     {old: "A: Get unary G P | B: Get unary G P", next: "A: X unary G P | B: Y unary G P", want: "A.Get → A.X\nB.Get → B.Y"},

		"types of its own":          {old: "A: Get unary p.GetRequest p.GetResponse", next: "A: Fetch unary p.FetchRequest p.FetchResponse", want: "A.Get? A.Fetch"},
		"a request of its own":      {old: "A: Get unary p.GetRequest p.Product", next: "A: Fetch unary p.FetchRequest p.Product", want: "A.Get? A.Fetch"},
		"of its own, another rest":  {old: "A: Get unary p.GetRequest p.Product", next: "A: Fetch unary p.FetchRequest p.Item"},
		"of its own, another kind":  {old: "A: Get unary p.GetRequest p.Product", next: "A: Fetch bidi p.FetchRequest p.Product"},
		"of its own, elsewhere":     {old: "A: Get unary p.GetRequest p.P | B: X unary x y", next: "A: | B: X unary x y; Fetch unary p.FetchRequest p.P"},
		"of its own, two come":      {old: "A: Get unary p.GetRequest p.P", next: "A: X unary p.XRequest p.P; Y unary p.YRequest p.P", want: "A.Get? A.X A.Y"},
		"of its own, two gone":      {old: "A: X unary p.XRequest p.P; Y unary p.YRequest p.P", next: "A: Get unary p.GetRequest p.P", want: "A.X? A.Get\nA.Y? A.Get"},
		"of its own, a service":     {old: "A: Get unary p.GetRequest p.P; Put unary x y", next: "B: Fetch unary p.FetchRequest p.P; Put unary x y", moved: map[string]string{"shop.v1.A": "shop.v1.B"}, want: "service A → B\nA.Put → B.Put\nA.Get? B.Fetch"},
		"of its own, but not where": {old: "A: Get unary p.OldGet p.P", next: "A: Fetch unary p.OldFetch p.P"},
		"of its own, and the same":  {old: "A: Get unary p.GetRequest p.P", next: "A: Fetch unary p.FetchRequest p.P; Load unary p.GetRequest p.P", want: "A.Get → A.Load"},
		"of its own, said":          {old: "A: Get unary p.GetRequest p.P", next: "A: Fetch unary p.FetchRequest p.P", moved: map[string]string{"shop.v1.A.Get": "shop.v1.A.Fetch"}, want: "A.Get → A.Fetch"},
		"of its own, a start of it": {old: "A: Get unary p.GetRequest p.GetawayPlan", next: "A: Fetch unary p.FetchRequest p.GetawayPlan", want: "A.Get? A.Fetch"},

		"a service renamed":          {old: "A: Get unary G P", next: "B: Get unary G P", want: "service A → B\nA.Get → B.Get"},
		"a service without rpcs":     {old: "A:", next: "B:"},
		"a service with one rpc new": {old: "A: Get unary G P", next: "B: Get unary G P; Put unary G P", want: "A.Get → B.Get"},
		"two services like it":       {old: "A: Get unary G P", next: "B: Get unary G P | C: Get unary G P", want: "A? B C"},
		"two services it could be":   {old: "A: Get unary G P | B: Get unary G P", next: "C: Get unary G P", want: "A? C\nB? C"},
		"another package":            {old: "A: Get unary G P", next: "shop.v2.A: Get unary G P", want: "A? shop.v2.A"},
		"another version":            {old: "A: Get unary shop.v1.G P", next: "shop.v2.A: Get unary shop.v2.G P", want: "A? shop.v2.A"},
		"a version beside it":        {old: "A: Get unary shop.v1.G P", next: "A: Get unary shop.v1.G P | shop.v2.A: Get unary shop.v2.G P"},
		"another version, changed":   {old: "A: Get unary shop.v1.G P", next: "shop.v2.A: Get unary shop.v2.G Q"},

		"moved":           {old: "A: Get unary G P; X unary X X | B: Y unary Y Y", next: "A: X unary X X | B: Y unary Y Y; Get unary G P", want: "A.Get → B.Get"},
		"moved, or not":   {old: "A: Get unary G P; X unary X X | B: Y unary Y Y | C: Z unary Z Z", next: "A: X unary X X | B: Y unary Y Y; Get unary G P | C: Z unary Z Z; Get unary G P", want: "A.Get? B.Get C.Get"},
		"moved, and come": {old: "A: Get unary G P | B: Y unary Y Y", next: "A: Fetch unary G P | B: Y unary Y Y; Get unary G P", want: "A.Get? A.Fetch B.Get"},

		"said: an rpc":            {old: "A: Get unary G P", next: "A: Fetch unary F Q", moved: map[string]string{"shop.v1.A.Get": "shop.v1.A.Fetch"}, want: "A.Get → A.Fetch"},
		"said: one of two":        {old: "A: Get unary G P", next: "A: X unary G P; Y unary G P", moved: map[string]string{"shop.v1.A.Get": "shop.v1.A.Y"}, want: "A.Get → A.Y"},
		"said: a service":         {old: "A: Get unary G P; Put unary X Y", next: "B: Get unary H P; Store unary X Y", moved: map[string]string{"shop.v1.A": "shop.v1.B"}, want: "service A → B\nA.Get → B.Get\nA.Put → B.Store"},
		"said: a package":         {old: "A: Get unary G P", next: "shop.v2.A: Get unary H Q", moved: map[string]string{"shop.v1": "shop.v2"}, want: "service A → shop.v2.A\nA.Get → shop.v2.A.Get"},
		"said: a package and rpc": {old: "A: Get unary G P", next: "shop.v2.A: Get unary G P; Put unary H Q", moved: map[string]string{"shop.v1": "shop.v2", "shop.v1.A.Get": "shop.v2.A.Put"}, want: "service A → shop.v2.A\nA.Get → shop.v2.A.Put"},
		"asked again":             {old: "A: Get unary shop.v1.G P | shop.v2.A: Get unary shop.v2.G P", next: "shop.v2.A: Get unary shop.v2.G P", want: "A? shop.v2.A"},
		"asked again of two":      {old: "A: Get unary G P | B: Get unary G P | C: Get unary G P", next: "B: Get unary G P | C: Get unary G P", want: "A? B C"},
		"said: a chain":           {old: "A: Drop unary D P; Get unary G P", next: "A: Fetch unary G P; Get unary D P", moved: map[string]string{"shop.v1.A.Get": "shop.v1.A.Fetch", "shop.v1.A.Drop": "shop.v1.A.Get"}, want: "A.Drop → A.Get\nA.Get → A.Fetch"},
		"said: a chain, followed": {old: "A: Fetch unary G P; Get unary D P", next: "A: Fetch unary G P; Get unary D P", moved: map[string]string{"shop.v1.A.Get": "shop.v1.A.Fetch", "shop.v1.A.Drop": "shop.v1.A.Get"}, want: "past A.Drop → A.Get"},
		"said: a swap":            {old: "A: Drop unary D P; Get unary G P", next: "A: Drop unary G P; Get unary D P", moved: map[string]string{"shop.v1.A.Get": "shop.v1.A.Drop", "shop.v1.A.Drop": "shop.v1.A.Get"}, want: "A.Drop → A.Get\nA.Get → A.Drop"},
		"said: a swap, followed":  {old: "A: Drop unary D P; Get unary G P", next: "A: Drop unary D P; Get unary G P", moved: map[string]string{"shop.v1.A.Get": "shop.v1.A.Drop", "shop.v1.A.Drop": "shop.v1.A.Get"}},
		"said: both are there":    {old: "A: Get unary G P | B: Get unary G P", next: "A: Get unary G P | B: Get unary G P; Put unary P P", moved: map[string]string{"shop.v1.A": "shop.v1.B"}},
		"said: long ago, changed": {old: "A: Fetch unary G P; Get unary D P", next: "A: Fetch unary X P; Get unary Y P", moved: map[string]string{"shop.v1.A.Get": "shop.v1.A.Fetch"}},
		"said later":              {old: "A: Get unary G P | B: Get unary H P", next: "B: Get unary H P", moved: map[string]string{"shop.v1.A": "shop.v1.B"}, want: "service A → B\nA.Get → B.Get"},
		"said, long ago":          {old: "A: Fetch unary G P", next: "A: Fetch unary G P", moved: map[string]string{"shop.v1.A.Get": "shop.v1.A.Fetch"}, want: "past A.Get → A.Fetch"},
		"said of nothing":         {old: "A: Get unary G P", next: "A: Get unary G P", moved: map[string]string{"shop.v1.X": "shop.v1.Y"}, want: "X: Y: the contract had no rpc, service or package X"},
		"said: to nothing":        {old: "A: Get unary G P", next: "A: Fetch unary G P", moved: map[string]string{"shop.v1.A.Get": "shop.v1.A.Fech"}, want: "A.Get → A.Fetch\nA.Get: A.Fech: the contract has no rpc A.Fech"},
		"said: to no service":     {old: "A: Get unary G P", next: "A: Get unary G P", moved: map[string]string{"shop.v1.A": "shop.v1.B"}, want: "A: B: the contract has no service B"},
		"said: to no package":     {old: "A: Get unary G P", next: "A: Get unary G P", moved: map[string]string{"shop": "store"}, want: "shop: store: the contract has nothing below store that was below shop"},
		"said twice":              {old: "A: X unary G P; Y unary G P", next: "A: Get unary G P", moved: map[string]string{"shop.v1.A.X": "shop.v1.A.Get", "shop.v1.A.Y": "shop.v1.A.Get"}, want: "A.X → A.Get\nA.Y: A.Get: A.Get is what another line says something has become"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := Find(shapes(tt.old), shapes(tt.next), tt.moved).String(); got != tt.want {
				t.Errorf("found\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

// A contract whose rpcs all have a shape of their own is followed through any renaming; and nothing becomes two things.
func TestFindIsOneToOne(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		old, next := randomShapes(random), randomShapes(random)
		found := Find(old, next, nil)
		targets := map[string]bool{}
		for from, to := range found.Methods {
			if _, ok := old[from]; !ok || targets[to] {
				t.Fatalf("%s → %s\nold %v\nnew %v", from, to, old, next)
			}
			if _, ok := next[to]; !ok || old[from] != next[to] {
				t.Fatalf("%s → %s\nold %v\nnew %v", from, to, old, next)
			}
			targets[to] = true
		}
		if again := Find(old, next, nil); found.String() != again.String() {
			t.Fatalf("first %s, then %s", found, again)
		}
	}
}

func randomShapes(random *rand.Rand) Shapes {
	out := Shapes{}
	for range random.IntN(8) {
		name := fmt.Sprintf("p%d.S%d.M%d", random.IntN(2), random.IntN(3), random.IntN(4))
		out[name] = fmt.Sprintf("unary T%d", random.IntN(3))
	}
	return out
}
