package csvfile

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

// decode returns the text of a file in UTF-8 with lines that end in \n or \r\n;
// or the code of what is wrong with it, and the line where.
func decode(data []byte) (text []byte, line int, code string) {
	switch {
	case bytes.HasPrefix(data, []byte("PK\x03\x04")), bytes.HasPrefix(data, []byte("\xd0\xcf\x11\xe0")):
		return nil, 0, "workbook"
	case bytes.HasPrefix(data, []byte("\xff\xfe")), bytes.HasPrefix(data, []byte("\xfe\xff")):
		utf16, err := unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM).NewDecoder().Bytes(data)
		if err != nil {
			return nil, 0, "not_text"
		}
		data = utf16
	default:
		data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	}
	if i := bytes.IndexByte(data, 0); i >= 0 {
		return nil, lineAt(data, i), "not_text"
	}
	// Windows-1252 hardly ever makes sequences that are valid in UTF-8, so a file
	// with more of them than not is UTF-8 that has been damaged.
	sequences, strays, first := 0, 0, 0
	for i := 0; i < len(data); {
		if data[i] < utf8.RuneSelf {
			i++
			continue
		}
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size == 1 {
			if strays == 0 {
				first = i
			}
			strays++
		} else {
			sequences++
		}
		i += size
	}
	if strays > sequences {
		for i, b := range data {
			if strings.IndexByte("\x81\x8d\x8f\x90\x9d", b) >= 0 { // mean nothing in Windows-1252
				return nil, lineAt(data, i), "not_text"
			}
		}
		data, _ = charmap.Windows1252.NewDecoder().Bytes(data) // cannot fail
	} else if strays > 0 {
		return nil, lineAt(data, first), "damaged"
	}
	if !bytes.ContainsRune(data, '\n') { // as the Macintosh of old ended its lines
		data = bytes.ReplaceAll(data, []byte("\r"), []byte("\n"))
	}
	return data, 0, ""
}

func lineAt(data []byte, i int) int { return 1 + bytes.Count(data[:i], []byte("\n")) }
