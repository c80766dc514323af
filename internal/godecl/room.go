package godecl

import "strings"

// Stub reports whether a file has a declaration as svc emits it now, or emitted it last: nothing is lost with it.
func (c *Change) Stub(disk *File, key string) bool {
	s := &syncer{Change: c, disk: disk, wanted: map[string]string{}}
	d := disk.byKey[c.own(key)]
	if d == nil {
		return false
	}
	for _, files := range [][]*File{c.New, c.Base} {
		for _, f := range files {
			if emitted := f.byKey[key]; emitted != nil && s.untouched(emitted, d) {
				return true
			}
		}
	}
	return false
}

// spare reports whether a declaration of Base that was renamed finds, under its new name, a stub that makes room for it. Svc
// may have emitted that before it was known what it is the new name of.
func (s *syncer) spare(from string) bool {
	to, renamed := s.Renamed[from]
	_, moves := s.Renamed[to]
	if !renamed || moves || s.own(from) == s.own(to) || s.next[to] == nil || s.next[from] != nil {
		return false
	}
	if s.Spare != nil {
		return s.Declared(s.own(from)) && s.Declared(s.own(to)) && s.Spare(to)
	}
	return s.disk.byKey[s.own(from)] != nil && s.Stub(s.disk, to)
}

// makesWay reports whether what has a name in Base gets another one at the same time, so that the name is free.
func (s *syncer) makesWay(first string) bool {
	for key, seen := first, map[string]bool{}; ; {
		to, moves := s.Renamed[key]
		switch {
		case !moves || s.base[key] == nil || s.next[to] == nil:
			return false
		case seen[key] || !s.Declared(s.own(to)) || s.spare(key):
			return true // they all go round, or the last of them has room
		}
		key, seen[key] = to, true
	}
}

// makeRoom takes stubs away that stand in the way of what was renamed.
func (s *syncer) makeRoom() {
	for from, to := range s.Renamed {
		d := s.disk.byKey[s.own(to)]
		if d == nil || s.disk.Foreign() && !isTest(to) || !s.spare(from) {
			continue
		}
		s.edits.add(s.gap(d), d.end, "")
	}
}

func isTest(key string) bool { return strings.HasPrefix(key, "Test") }
