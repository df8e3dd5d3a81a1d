package mail_test

import (
	"testing"
	"time"

	"rochdale/adapters/fault"
	"rochdale/domain/provisioning"
	"rochdale/internal/mailtest"
)

// TestAppPasswords has devices log in by passwords of their own.
func TestAppPasswords(t *testing.T) {
	onAll(t, func(t *testing.T, s *tables) {
		server := mailtest.Start(t, s.at)
		const laptop, phone, berts = "bench222-three-or-four-words", "pasta222-quatre-mots-suffisent", "berts222-drie-of-vier-woorden"
		in := func(w *wish, password string) error {
			m, err := server.LogIn(w.login(), password)
			if err == nil {
				m.Close()
			}
			return err
		}
		made := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		add := func(w *wish, password, name string) {
			t.Helper()
			p := provisioning.AppPassword{ID: password[:8], Name: name, Created: made}
			for range 2 { // again is no harm
				if err := s.AddAppPassword(t.Context(), w.Ref, p, bcrypted(t, password)); err != nil {
					t.Fatal(err)
				}
			}
			made = made.Add(time.Hour)
		}
		listed := func(w *wish) []provisioning.AppPassword {
			t.Helper()
			all, err := s.AppPasswords(t.Context(), w.Ref)
			if err != nil {
				t.Fatal(err)
			}
			return all
		}
		anna, bert := s.wish("anna", "account-1"), s.wish("bert", "account-2")
		for _, w := range []*wish{anna, bert} {
			w.do(t, s.Ensure)
		}
		anna.lets(t, bcrypted(t, oldPassword))
		add(anna, laptop, "Laptop")
		add(anna, phone, "Téléphone de l’atelier")
		add(bert, berts, "Laptop")

		taken(t, in(anna, oldPassword))
		taken(t, in(anna, laptop))
		taken(t, in(anna, phone))
		taken(t, server.Submit(anna.login(), phone, anna.login(), bert.login(), "from a phone"))
		for _, wrong := range []string{laptop[:8], laptop + "x", laptop[:8] + phone[8:], berts, "", "' or 1=1 --"} {
			refused(t, in(anna, wrong), "AUTHENTICATIONFAILED")
		}
		refused(t, server.Submit(anna.login(), berts, anna.login(), bert.login(), "by another's"), "535")

		eventually(t, "Dovecot tells when each was last used", func() bool {
			all := listed(anna)
			return len(all) == 2 && !all[0].Used.IsZero() && !all[1].Used.IsZero()
		})
		if all := listed(anna); all[0].Name != "Laptop" || all[1].ID != phone[:8] || all[1].Name != "Téléphone de l’atelier" ||
			all[0].Created.Year() != 2026 || time.Since(all[0].Used) > time.Hour {
			t.Errorf("she has %+v", all)
		}
		if all := listed(bert); len(all) != 1 || !all[0].Used.IsZero() {
			t.Errorf("he has %+v", all)
		}

		t.Log("One that is revoked lets nobody in, and the others do.")
		taken(t, s.RemoveAppPassword(t.Context(), bert.Ref, laptop[:8])) // is not his
		taken(t, in(anna, laptop))
		for range 2 {
			taken(t, s.RemoveAppPassword(t.Context(), anna.Ref, laptop[:8]))
		}
		refused(t, in(anna, laptop), "AUTHENTICATIONFAILED")
		taken(t, in(anna, phone))
		taken(t, in(anna, oldPassword))

		t.Log("They are suspended with the account, and go with it.")
		anna.do(t, s.Suspend)
		refused(t, in(anna, phone), "Account suspended")
		refused(t, server.Submit(anna.login(), phone, anna.login(), bert.login(), "suspended"), "535")
		anna.do(t, s.Resume)
		taken(t, in(anna, phone))
		anna.do(t, s.Delete)
		refused(t, in(anna, phone), "AUTHENTICATIONFAILED")
		next := s.wish("anna", "account-3")
		next.do(t, s.Ensure)
		refused(t, in(next, phone), "AUTHENTICATIONFAILED")
		if all := listed(next); len(all) != 0 {
			t.Errorf("who has the name next has %+v", all)
		}
		var left int
		if err := s.db.QueryRow(`select count(*) from mail_app_use where id <> 'berts222'`).Scan(&left); err != nil || left != 0 {
			t.Errorf("%d uses of what is gone are left, %v", left, err)
		}
	})
}

func TestAppPasswordsRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, s *tables) {
		anna, nobody := s.wish("anna", "account-1"), s.wish("nobody", "account-9")
		anna.do(t, s.Ensure)
		s.exec(t, `insert into mail_account (login, box) values ('foreign@coop.example', 'foreign')`)
		foreign := s.wish("foreign", "account-8")
		good := provisioning.AppPassword{ID: "abcdefgh", Name: "Laptop", Created: time.Now()}
		for what, c := range map[string]struct {
			to    *wish
			p     provisioning.AppPassword
			c     provisioning.Credential
			class fault.Class
		}{
			"no account":     {nobody, good, bcrypted(t, oldPassword), fault.Transient},
			"not ours":       {foreign, good, bcrypted(t, oldPassword), fault.Conflict},
			"no id":          {anna, provisioning.AppPassword{ID: "'; drop", Name: "Laptop"}, bcrypted(t, oldPassword), fault.Invalid},
			"no name":        {anna, provisioning.AppPassword{ID: "abcdefgh"}, bcrypted(t, oldPassword), fault.Invalid},
			"not hashed":     {anna, good, provisioning.Credential{Scheme: "PLAIN", Hash: oldPassword}, fault.Unsupported},
			"no hash at all": {anna, good, provisioning.Credential{Scheme: "BLF-CRYPT", Hash: oldPassword}, fault.Unsupported},
		} {
			err := s.AddAppPassword(t.Context(), c.to.Ref, c.p, c.c)
			if class, _ := fault.ClassOf(err); err == nil || class != c.class {
				t.Errorf("%s: %v, want %s", what, err, c.class)
			}
		}
		if all, err := s.AppPasswords(t.Context(), anna.Ref); err != nil || len(all) != 0 {
			t.Errorf("there is %+v, %v", all, err)
		}
	})
}
