// Package frugal makes the strings and bytes of many records with few allocations.
package frugal

import "bytes"

const (
	maxNames = 1000
	chunk    = 8 << 10 // which a record that is kept keeps whole
)

// Names are those that occur again and again, each kept once.
type Names struct {
	last  string
	known map[string]string
}

// Of returns a name as a string.
func (n *Names) Of(text []byte) string {
	if n.last == string(text) { // which makes no string
		return n.last
	}
	name, known := n.known[string(text)]
	if !known {
		if n.known == nil || len(n.known) == maxNames {
			n.known = map[string]string{}
		}
		name = string(text)
		n.known[name] = name
	}
	n.last = name
	return name
}

// Data cuts copies of bytes from larger pieces.
type Data struct{ chunk []byte }

// Copy returns a copy.
func (d *Data) Copy(data []byte) []byte {
	if len(data) > chunk/8 {
		return bytes.Clone(data)
	}
	if cap(d.chunk)-len(d.chunk) < len(data) { // the first are small, since most streams are
		d.chunk = make([]byte, 0, min(chunk, max(2*cap(d.chunk), 4*len(data))))
	}
	before := len(d.chunk)
	d.chunk = append(d.chunk, data...)
	return d.chunk[before:len(d.chunk):len(d.chunk)]
}
