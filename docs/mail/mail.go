// Package mail is the files by which Dovecot and Postfix read the tables of
// adapters/mail: see the section Mail of docs/operations.md. The tests run servers
// by them.
package mail

import "embed"

// Files are all of them, by their names.
//
//go:embed *.conf *.cf *.sql rochdale-mail-tidy*
var Files embed.FS
