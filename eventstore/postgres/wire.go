package postgres

import (
	"encoding/binary"
	"time"

	"github.com/google/uuid"
)

// Values go over the wire in PostgreSQL's binary format.

// Types of the elements of an array.
const byteaType, int8Type, int2Type, textType, jsonType, timeType, uuidType = 17, 20, 21, 25, 114, 1184, 2950

// binaryFormat says so of all parameters, or all columns.
var binaryFormat = []int16{1}

// epoch is PostgreSQL's, in microseconds since 1970.
const epoch = 946_684_800_000_000

func int64Value(v int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(v)) }

func timeValue(t time.Time) []byte { return int64Value(t.UnixMicro() - epoch) }

func int16Value(v int) []byte { return binary.BigEndian.AppendUint16(nil, uint16(v)) }

// unless is null for an id that is as one expects.
func unless(expected, id uuid.UUID) []byte {
	if id == expected {
		return nil
	}
	return id[:]
}

func readInt64(b []byte) int64 { return int64(binary.BigEndian.Uint64(b)) }

func readInt16(b []byte) int { return int(int16(binary.BigEndian.Uint16(b))) }

func readTime(b []byte) time.Time { return time.UnixMicro(readInt64(b) + epoch).UTC() }

func readUUID(b []byte) (id uuid.UUID) {
	copy(id[:], b)
	return id
}

// readInt64s reads an array that has no nulls in it.
func readInt64s(b []byte) []int64 {
	if len(b) < 20 {
		return nil
	}
	v := make([]int64, 0, binary.BigEndian.Uint32(b[12:]))
	for b = b[20:]; len(b) >= 12; b = b[12:] {
		v = append(v, readInt64(b[4:]))
	}
	return v
}

// An array is a value in the making.
type array struct {
	bytes []byte
	n     uint32
}

// An array of one dimension begins with the number of dimensions, whether it has
// nulls, the type of its elements, their number, and the index of the first.
const arrayHead, arrayLength = 20, 12

// newArray has room for elements of a type that have so many bytes together.
func newArray(element uint32, elements, size int) array {
	a := array{bytes: make([]byte, arrayHead, arrayHead+elements*4+size)}
	binary.BigEndian.PutUint32(a.bytes, 1)
	binary.BigEndian.PutUint32(a.bytes[4:], 1)
	binary.BigEndian.PutUint32(a.bytes[8:], element)
	binary.BigEndian.PutUint32(a.bytes[16:], 1)
	return a
}

func (a *array) length(n int) {
	a.n++
	a.bytes = binary.BigEndian.AppendUint32(a.bytes, uint32(n))
}

func (a *array) text(s string) {
	a.length(len(s))
	a.bytes = append(a.bytes, s...)
}

// raw adds an element, or null if it is nil.
func (a *array) raw(b []byte) {
	if b == nil {
		a.length(-1)
		return
	}
	a.length(len(b))
	a.bytes = append(a.bytes, b...)
}

func (a *array) int64(v int64) {
	a.length(8)
	a.bytes = binary.BigEndian.AppendUint64(a.bytes, uint64(v))
}

func (a *array) int16(v int) {
	a.length(2)
	a.bytes = binary.BigEndian.AppendUint16(a.bytes, uint16(v))
}

// value is the array, ready to be sent.
func (a *array) value() []byte {
	if a.n == 0 { // which has no dimension
		binary.BigEndian.PutUint32(a.bytes, 0)
		return a.bytes[:arrayLength]
	}
	binary.BigEndian.PutUint32(a.bytes[arrayLength:], a.n)
	return a.bytes
}
