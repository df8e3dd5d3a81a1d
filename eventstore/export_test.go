package eventstore

// Waiting returns how many Gets wait for the next.
func Waiting(kv KV) int {
	g := kv.(*gathered)
	g.Lock()
	defer g.Unlock()
	return len(g.waiting)
}
