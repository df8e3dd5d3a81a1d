package sqlite

import (
	"context"
	"fmt"

	"rochdale/eventstore/lite"
)

// Limit has the file be full at so many pages.
func (d *Driver) Limit(pages int) error {
	return d.db.Writer(context.Background(), func(c *lite.Conn) error {
		return c.Script(fmt.Sprintf(`pragma max_page_count = %d`, pages))
	})
}
