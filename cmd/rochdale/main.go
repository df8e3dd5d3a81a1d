// Command rochdale runs a co-operative on one event log: see README.md.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"syscall"
	_ "time/tzdata" // the zone of a co-op, where the machine knows none

	"github.com/alecthomas/kong"
	"github.com/goccy/go-yaml"

	"rochdale/domain"
	"rochdale/domain/catalogue"
)

// The ways in which a command ends.
const (
	exitDone    = 0
	exitFault   = 1 // something broke: the log tells more
	exitUsage   = 2 // the command line was wrong
	exitRefused = 3 // a rule said no
)

//go:generate sh -c "go run . doctor --settings > ../../docs/configuration.md"

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// commands are the verbs, in the order in which a co-op comes to need them.
type commands struct {
	Globals

	Demo       demoCmd       `cmd:"" help:"Show a whole co-op at work, on made-up members."`
	Init       initCmd       `cmd:"" help:"Found a co-op: adopt statutes and a price list."`
	Serve      serveCmd      `cmd:"" help:"Serve the co-op to its members."`
	Import     importCmd     `cmd:"" help:"Bring in a register kept elsewhere."`
	Export     exportCmd     `cmd:"" help:"Write registers, invoices or events to a file."`
	Bill       billCmd       `cmd:"" help:"Issue the invoices of a month."`
	Notices    noticesCmd    `cmd:"" help:"Show what members are told by mail, and what was sent."`
	Plan       planCmd       `cmd:"" help:"Show what would be done for accounts on the services."`
	Drift      driftCmd      `cmd:"" help:"Show what differs on the services from how it is wanted."`
	Reconcile  reconcileCmd  `cmd:"" help:"Bring accounts on the services to how they are wanted."`
	Accounts   accountsCmd   `cmd:"" help:"List accounts, and say why each exists."`
	Work       workCmd       `cmd:"" help:"List what is to be done for accounts; retry it, or give it up."`
	Targets    targetsCmd    `cmd:"" help:"List the targets that accounts are on; pause and resume them."`
	Tally      tallyCmd      `cmd:"" help:"Count a file of ballots."`
	Views      viewsCmd      `cmd:"" help:"Rebuild or verify the read models."`
	Log        logCmd        `cmd:"" help:"Back up, restore, verify or watch the log."`
	Keys       keysCmd       `cmd:"" help:"Back up, restore or change the keys of personal data."`
	Token      tokenCmd      `cmd:"" help:"Give out, list and revoke tokens for machines."`
	Webhooks   webhooksCmd   `cmd:"" help:"Tell events to endpoints outside, as they happen."`
	Clients    clientsCmd    `cmd:"" help:"Services that members sign in to by the co-op (OpenID Connect)."`
	DNS        dnsCmd        `cmd:"" name:"dns" help:"Print what programs for mail look up, for the zone of the mail domain."`
	Doctor     doctorCmd     `cmd:"" help:"Look whether everything is well, and say what to do if not."`
	Completion completionCmd `cmd:"" help:"Print what makes a shell complete these commands."`
}

// Globals are the settings that every verb shares.
type Globals struct {
	Config     kong.ConfigFlag `help:"A file of settings in YAML, with the names of the flags." placeholder:"FILE" env:"ROCHDALE_CONFIG"`
	Data       string          `help:"Folder of the log, the read models, documents and folders." default:"${data}" placeholder:"DIR" type:"path" env:"ROCHDALE_DATA"`
	Log        string          `name:"log" help:"Where the log is: sqlite:PATH or postgres://…; by default in the data folder." placeholder:"URL" env:"ROCHDALE_LOG"`
	MasterKey  string          `help:"File of the master key that opens personal data; by default in the data folder, but better kept elsewhere." placeholder:"FILE" type:"path" env:"ROCHDALE_MASTER_KEY_FILE"`
	Mailboxes  string          `help:"Tables that Dovecot and Postfix read: sqlite:PATH, postgres://… or mysql://…; by default in the data folder." placeholder:"URL" env:"ROCHDALE_MAILBOXES"`
	Services   string          `help:"File of the services on which accounts are provisioned beside those that come along, in YAML: see docs/adapters.md." placeholder:"FILE" type:"path" env:"ROCHDALE_SERVICES"`
	StayDays   int             `help:"Days for which an account stays, with its data, that nobody is entitled to any more. Nobody logs in to it." default:"30" placeholder:"N" env:"ROCHDALE_STAY_DAYS"`
	MailDays   int             `help:"Days for which mail goes on arriving in an account that is withheld, before it is refused; 0: as long as it is there." default:"30" placeholder:"N" env:"ROCHDALE_MAIL_DAYS"`
	BackupDays int             `help:"Days for which backups are kept of what is deleted: receipts name the last." default:"90" placeholder:"N" env:"ROCHDALE_BACKUP_DAYS"`
	HoldDays   int             `help:"Days for which nothing is deleted of who has died." default:"365" placeholder:"N" env:"ROCHDALE_HOLD_DAYS"`
	NameDays   int             `help:"Days for which a login or address that was freed is given to nobody but who had it." default:"730" placeholder:"N" env:"ROCHDALE_NAME_DAYS"`
	Aliases    int             `help:"Further addresses that a mailbox may have." default:"5" placeholder:"N" env:"ROCHDALE_ALIASES"`

	Language domain.Language  `help:"Language of what is printed for people: fr, nl, en or de." default:"en" enum:"fr,nl,en,de" env:"ROCHDALE_LANGUAGE"`
	JSON     bool             `name:"json" help:"Print data as JSON, for machines." env:"ROCHDALE_JSON"`
	Version  kong.VersionFlag `help:"Print the version, and end."`
	Verbose  bool             `short:"v" help:"Log details too." env:"ROCHDALE_VERBOSE"`
}

// Validate refuses fewer than none of anything.
func (g Globals) Validate() error {
	for name, n := range map[string]int{
		"stay-days": g.StayDays, "mail-days": g.MailDays, "backup-days": g.BackupDays, "hold-days": g.HoldDays,
		"name-days": g.NameDays, "aliases": g.Aliases,
	} {
		if n < 0 {
			return fmt.Errorf("--%s: %d is less than none: give 0 or more", name, n)
		}
	}
	return nil
}

// defaultData is the folder where nobody names one.
const defaultData = "rochdale-data"

// A terminal is what a command speaks to.
type terminal struct {
	in       io.Reader
	out, err io.Writer
	log      *slog.Logger
	app      *kong.Kong
}

// exit is how kong's own exits, after --help, get out of the parser.
type exit int

func newApp(c *commands, out, errOut io.Writer) (*kong.Kong, error) {
	return kong.New(c,
		kong.Name("rochdale"),
		kong.Description("Runs a co-operative on one event log."),
		kong.Writers(out, errOut),
		kong.Exit(func(code int) { panic(exit(code)) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, FlagsLast: true, WrapUpperBound: 100}),
		kong.Configuration(yamlSettings),
		kong.Vars{"version": version(), "data": defaultData},
	)
}

func run(args []string, in io.Reader, out, errOut io.Writer) (code int) {
	var c commands
	app, err := newApp(&c, out, errOut)
	if err != nil {
		fmt.Fprintln(errOut, "rochdale:", err)
		return exitFault
	}
	for _, name := range variables(app.Model) {
		if value, set := os.LookupEnv(name); set && value == "" { // is as good as none
			_ = os.Unsetenv(name)
		}
	}
	defer func() {
		if p := recover(); p != nil {
			asked, ours := p.(exit)
			if !ours {
				panic(p)
			}
			code = int(asked)
		}
	}()
	if len(args) == 0 {
		args = []string{"--help"}
	}
	t := &terminal{in: in, out: out, err: errOut, app: app}
	parsed, err := app.Parse(args)
	if err != nil {
		// Where the line could not be read, the flag is looked for in its words.
		c.JSON = c.JSON || wantsJSON(args)
		if wrong, ok := errors.AsType[*kong.ParseError](err); ok && !c.JSON {
			app.Stdout = errOut
			_ = wrong.Context.PrintUsage(true)
		}
		return t.report(c.Globals, usageError{err})
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	options := slog.HandlerOptions{Level: slog.LevelInfo}
	if c.Verbose {
		options.Level = slog.LevelDebug
	}
	t.log = slog.New(slog.NewTextHandler(errOut, &options))
	if parsed.Command() == "serve" && c.Serve.LogJSON {
		t.log = slog.New(slog.NewJSONHandler(errOut, &options))
	}
	if parsed.Command() != "doctor" { // which says so itself
		for _, s := range strays(app.Model) {
			t.log.Warn("the environment has a variable that is no setting: "+s.do(), "variable", s.variable)
		}
	}
	parsed.BindTo(ctx, (*context.Context)(nil))
	parsed.Bind(&c.Globals, t)
	return t.report(c.Globals, parsed.Run())
}

// wantsJSON looks for the setting without reading the command line, which could not be.
func wantsJSON(args []string) bool {
	if slices.Contains(args, "--json") {
		return true
	}
	if value := os.Getenv("ROCHDALE_JSON"); value != "" {
		asked, _ := strconv.ParseBool(value)
		return asked
	}
	path := os.Getenv("ROCHDALE_CONFIG")
	for i, arg := range args {
		if value, is := strings.CutPrefix(arg, "--config="); is {
			path = value
		} else if arg == "--config" && i+1 < len(args) {
			path = args[i+1]
		}
	}
	f, err := os.Open(kong.ExpandPath(path))
	if err != nil {
		return false
	}
	defer f.Close()
	var file struct {
		JSON bool `yaml:"json"`
	}
	return yaml.NewDecoder(f).Decode(&file) == nil && file.JSON
}

// report says how a command ended, and turns it into an exit code.
func (t *terminal) report(g Globals, err error) int {
	if err == nil {
		return exitDone
	}
	refusal, refused := errors.AsType[domain.Refusal](err)
	code, kind := exitFault, "fault"
	message := err.Error()
	switch _, misused := errors.AsType[usageError](err); {
	case misused:
		code, kind = exitUsage, "usage"
	case refused:
		code, kind = exitRefused, refusal.Code
		message = catalogue.Refusal(g.Language, refusal)
	case errors.Is(err, context.Canceled):
		message = "interrupted; nothing is half done, and the same command goes on from here"
	}
	if g.JSON {
		args := refusal.Args
		if args == nil {
			args = domain.Args{}
		}
		_ = json.NewEncoder(t.err).Encode(map[string]any{"error": message, "code": kind, "args": args})
	} else {
		fmt.Fprintln(t.err, "rochdale:", message)
		if refusal.Source != "" {
			fmt.Fprintln(t.err, "  source:", refusal.Source)
		}
	}
	return code
}

// A usageError is the fault of whoever typed the command.
type usageError struct{ error }

func misused(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// print shows data as JSON where that was asked for, or else as a person reads it.
// It fails where that cannot be written, as on a full disk: what was not seen, such
// as a secret, may be lost.
func (t *terminal) print(g *Globals, data any, human func(w io.Writer)) error {
	if !g.JSON {
		out := failing{w: t.out}
		human(&out)
		return out.err
	}
	if list := reflect.ValueOf(data); list.Kind() == reflect.Slice && list.Len() == 0 {
		data = []any{} // never null, which has no elements to go through
	}
	enc := json.NewEncoder(t.out)
	enc.SetIndent("", "  ")
	return enc.Encode(data)
}

// failing is a writer that remembers its first error, for those who do not look.
type failing struct {
	w   io.Writer
	err error
}

func (f *failing) Write(p []byte) (n int, err error) {
	if f.err == nil {
		n, f.err = f.w.Write(p)
	}
	return n, f.err
}
