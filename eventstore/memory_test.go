package eventstore_test

import (
	"sync"
	"testing"

	"rochdale/eventstore"
	"rochdale/eventstore/storetest"
)

func TestMemory(t *testing.T) {
	var logs sync.Map // by the test whose they are
	storetest.Run(t, func(t *testing.T) eventstore.Driver {
		log, _ := logs.LoadOrStore(t, new(eventstore.Memory))
		return log.(*eventstore.Memory)
	})
}
