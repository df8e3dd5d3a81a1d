package eventstore

// Waiting returns how many Gets wait for the next.
func Waiting(kv KV) int {
	g := kv.(*gathered)
	g.Lock()
	defer g.Unlock()
	return len(g.waiting)
}

// WaitingToAppend returns how many appends wait for the next transaction.
func WaitingToAppend(l *Log) int {
	l.Lock()
	defer l.Unlock()
	return len(l.waiting)
}
