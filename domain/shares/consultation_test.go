package shares_test

import (
	"testing"
	"time"

	"rochdale/domain"
	"rochdale/domain/shares"
	"rochdale/domain/spec"
)

func TestConsultation(t *testing.T) {
	on := day(time.May, 4)
	look := shares.ConsultRegister{Consultation: "c1", Party: "ada", AsAt: on, On: on, Held: 3}
	seen := shares.RegisterConsulted{Consultation: "c1", Party: "ada", AsAt: on, On: on}
	extract, shown := look, seen
	extract.Holder, extract.KnownAt = "bob", on.AddDays(-1)
	shown.Holder, shown.KnownAt = "bob", on.AddDays(-1)
	none, nobody, again := look, look, look
	none.Held, nobody.Party, again.Party = 0, "", "bob"
	spec.Check(t, []spec.Story[domain.Command[shares.Consultation]]{
		{Rule: "whoever holds shares may consult the register, and that they did is kept", When: look, Then: spec.Events{seen}},
		{Rule: "a consultation may be of an extract, as known on an earlier day", When: extract, Then: spec.Events{shown}},
		{Rule: "who holds no shares does not consult the register", When: none, Refused: shares.ErrNoHolder},
		{Rule: "a consultation is by somebody", When: nobody, Refused: shares.ErrIncomplete},
		{Rule: "a consultation has an id of its own", Given: spec.Events{seen}, When: again, Refused: shares.ErrIncomplete},
	})
}
