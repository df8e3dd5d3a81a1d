package eventstore

// Waiting returns how many Gets wait for the next.
func Waiting(kv KV) int {
	g := kv.(*gathered)
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.waiting)
}
