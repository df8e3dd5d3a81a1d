package processes

import (
	"context"
	"io"

	"rochdale/domain/provisioning"
)

// What only some services can do, on further ports: a [Provisioner] has those that
// its capabilities say it has, and fails on them as on the others.
type (
	// A Receiver decides what becomes of mail that comes for an account.
	Receiver interface {
		SetInbound(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error)
	}
	// An Aliaser has mail come to an account under further addresses: those that are
	// wanted, and no others.
	Aliaser interface {
		SetAliases(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error)
	}
	// A Switcher lets an account use further apps: of those that it switches, those
	// that are wanted and no others.
	Switcher interface {
		SetApps(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error)
	}
	// A Closer ends the open sessions of an account. Who may, comes in again.
	Closer interface {
		CloseSessions(ctx context.Context, ref provisioning.Ref) error
	}
	// An Exporter writes all that is in an account as a zip archive, also while it is
	// suspended.
	Exporter interface {
		Export(ctx context.Context, ref provisioning.Ref, w io.Writer) error
	}
	// A Mover takes over what is in an account on another node, and by what its holder
	// gets in.
	Mover interface {
		// Takes says, by an error of class unsupported, why it cannot from a node.
		Takes(from provisioning.Source) error
		// TakeOver has all that is in the account on the other node be here, and nothing
		// else; taken over again, it is what has changed since. It changes nothing there.
		TakeOver(ctx context.Context, want provisioning.Desired, from provisioning.Source) error
	}
	// A Gleaner adds to an account what came late to where it was, after it was moved:
	// what was on its way there when nobody was let in any more. What its holder has
	// changed since stays so; gleaned again, nothing comes twice. Where it is not any
	// more nothing is left to glean.
	Gleaner interface {
		Glean(ctx context.Context, want provisioning.Desired, from provisioning.Source) error
	}
	// A Purger tells whether the data of a deleted account is gone, and removes what
	// it can reach. While somebody else is still to remove some it fails, of class
	// transient and code "purging".
	Purger interface {
		Purge(ctx context.Context, want provisioning.Desired) error
	}
)
