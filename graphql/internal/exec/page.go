package exec

import (
	"rochdale/processes"
	"rochdale/projections"
)

// Connection is a page of a list, in the form of GraphQL Cursor Connections.
type Connection[T any] struct {
	Nodes      []T
	PageInfo   PageInfo
	TotalCount int
	cursor     func(i int) string
}

// Edge is an element of a page.
type Edge[T any] struct {
	Cursor string
	Node   T
}

// Edges are the elements with their cursors.
func (c *Connection[T]) Edges() []Edge[T] {
	edges := make([]Edge[T], len(c.Nodes))
	for i, node := range c.Nodes {
		edges[i] = Edge[T]{c.cursor(i), node}
	}
	return edges
}

// PageOf makes a page of a part of a list.
func PageOf[T any](l projections.List[T]) Connection[T] {
	c := Connection[T]{
		Nodes: l.Items, cursor: l.Cursor, TotalCount: l.Total,
		PageInfo: PageInfo{HasNextPage: l.HasNext, HasPreviousPage: l.HasPrevious},
	}
	if n := len(l.Items); n > 0 {
		c.PageInfo.StartCursor, c.PageInfo.EndCursor = l.Cursor(0), l.Cursor(n-1)
	}
	return c
}

// PageInfo says where a page lies in its list.
type PageInfo struct {
	HasNextPage, HasPreviousPage bool
	StartCursor, EndCursor       string
}

// The pages of each list, and their elements.
//
//nolint:revive // they are told together
type (
	MemberConnection              = Connection[projections.Member]
	MemberEdge                    = Edge[projections.Member]
	ExclusionConnection           = Connection[projections.Exclusion]
	ExclusionEdge                 = Edge[projections.Exclusion]
	RegisteredMemberConnection    = Connection[projections.Known]
	RegisteredMemberEdge          = Edge[projections.Known]
	ShareRegisterEntryConnection  = Connection[projections.RegisterEntry]
	ShareRegisterEntryEdge        = Edge[projections.RegisterEntry]
	ShareConsultationConnection   = Connection[projections.Consultation]
	ShareConsultationEdge         = Edge[projections.Consultation]
	ShareClaimConnection          = Connection[projections.ShareClaim]
	ShareClaimEdge                = Edge[projections.ShareClaim]
	ShareJournalEntryConnection   = Connection[projections.JournalEntry]
	ShareJournalEntryEdge         = Edge[projections.JournalEntry]
	DividendPayoutConnection      = Connection[projections.SharePayout]
	DividendPayoutEdge            = Edge[projections.SharePayout]
	AssemblyConnection            = Connection[projections.Assembly]
	AssemblyEdge                  = Edge[projections.Assembly]
	DocumentConnection            = Connection[projections.Document]
	DocumentEdge                  = Edge[projections.Document]
	ServiceSubscriptionConnection = Connection[projections.Subscription]
	ServiceSubscriptionEdge       = Edge[projections.Subscription]
	InvoiceConnection             = Connection[projections.Invoice]
	InvoiceEdge                   = Edge[projections.Invoice]
	PaymentConnection             = Connection[projections.Payment]
	PaymentEdge                   = Edge[projections.Payment]
	AccountConnection             = Connection[projections.Account]
	AccountEdge                   = Edge[projections.Account]
	DeadLetterConnection          = Connection[processes.SkippedLetter]
	DeadLetterEdge                = Edge[processes.SkippedLetter]
)
