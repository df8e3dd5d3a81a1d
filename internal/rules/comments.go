package main

import (
	"regexp"
	"strings"
)

// A setting is a line of a preset, with what its file says about it.
type setting struct {
	path    string // like "shares.classes.A.price"
	value   string // as it is written; "" where settings follow beneath
	comment string // before it or behind it
}

var (
	settingLine = regexp.MustCompile(`^( *)(- )?([a-z_]+):(?: +([^#]*?))?(?: +# (.*))?$`)
	commentLine = regexp.MustCompile(`^ *#(?: (.*))?$`)
	unusedLine  = regexp.MustCompile(`^[a-z_]+: `) // a setting that is only shown
)

// settings reads the lines of a preset: what the file itself says first, and its
// settings. It knows as much of YAML as presets use.
func settings(file string) (about string, all []setting) {
	type level struct {
		indent int
		key    string
	}
	var above []level
	var waiting []string
	for line := range strings.Lines(file) {
		line = strings.TrimRight(line, "\n")
		if m := commentLine.FindStringSubmatch(line); m != nil {
			if !unusedLine.MatchString(m[1]) {
				waiting = append(waiting, m[1])
			}
			continue
		}
		m := settingLine.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		if len(all) == 0 {
			about, waiting = strings.Join(waiting, "\n"), nil
		}
		indent := len(m[1])
		for len(above) > 0 && above[len(above)-1].indent >= indent {
			above = above[:len(above)-1]
		}
		if m[2] != "" { // an item of a list, named by its first setting
			above = append(above, level{indent, m[4]})
			indent += 2
		}
		path := ""
		for _, l := range above {
			path += l.key + "."
		}
		above = append(above, level{indent, m[3]})
		if m[5] != "" {
			waiting = append(waiting, m[5])
		}
		all = append(all, setting{path + m[3], m[4], strings.Join(waiting, " ")})
		waiting = nil
	}
	return about, all
}
