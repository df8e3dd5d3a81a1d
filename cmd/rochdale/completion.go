package main

import (
	"fmt"
	"strings"

	"github.com/alecthomas/kong"
)

type completionCmd struct {
	Shell string `arg:"" help:"bash, zsh or fish." enum:"bash,zsh,fish"`
}

func (completionCmd) Help() string {
	return `Examples:
  source <(rochdale completion bash)
  rochdale completion fish > ~/.config/fish/completions/rochdale.fish`
}

// Run prints a script that is made from the commands themselves.
func (c completionCmd) Run(t *terminal) error { //nolint:unparam // kong wants it so
	words := map[string][]string{} // what may follow each command path
	var visit func(*kong.Node, []string)
	visit = func(n *kong.Node, inherited []string) {
		path := ""
		if n.Type == kong.CommandNode {
			path = commandPath(n)
		}
		for _, f := range n.Flags {
			if !f.Hidden {
				inherited = append(inherited[:len(inherited):len(inherited)], "--"+f.Name)
			}
		}
		for _, child := range n.Children {
			words[path] = append(words[path], child.Name)
			visit(child, inherited)
		}
		words[path] = append(words[path], inherited...)
	}
	visit(t.app.Model.Node, nil)
	switch c.Shell {
	case "fish":
		for path, next := range words {
			condition := "__fish_use_subcommand"
			if path != "" {
				condition = "__fish_seen_subcommand_from " + path[strings.LastIndex(path, " ")+1:]
			}
			fmt.Fprintf(t.out, "complete -c rochdale -n %q -a %q\n", condition, strings.Join(next, " "))
		}
		return nil
	case "zsh":
		fmt.Fprintln(t.out, "autoload -U +X bashcompinit && bashcompinit")
	}
	fmt.Fprintln(t.out, "_rochdale() {\n  local path='' word\n  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n    case \"${path:+$path }$word\" in")
	for path := range words {
		if path != "" {
			fmt.Fprintf(t.out, "      %q) path=%q ;;\n", path, path)
		}
	}
	fmt.Fprintln(t.out, "    esac\n  done\n  case \"$path\" in")
	for path, next := range words {
		fmt.Fprintf(t.out, "    %q) word=%q ;;\n", path, strings.Join(next, " "))
	}
	fmt.Fprintln(t.out, "  esac\n  COMPREPLY=($(compgen -W \"$word\" -f -- \"${COMP_WORDS[COMP_CWORD]}\"))\n}\ncomplete -F _rochdale rochdale")
	return nil
}
