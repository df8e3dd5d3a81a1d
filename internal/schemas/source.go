package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
)

// A source is what the source says of types, by their names.
type source struct {
	types  map[string]string            // what is said before them
	fields map[string]map[string]string // beside their fields, by the name in Go
	values map[string][]string          // the constants of a type of texts
}

func nameOf(t reflect.Type) string { return t.PkgPath() + "." + t.Name() }

// readSource reads that of the packages in which events are declared.
func readSource(root string) (source, error) {
	s := source{map[string]string{}, map[string]map[string]string{}, map[string][]string{}}
	files := token.NewFileSet()
	tree := os.DirFS(root)
	for _, dir := range []string{"domain", "eventstore"} {
		err := fs.WalkDir(tree, dir, func(name string, _ fs.DirEntry, err error) error {
			if err != nil || path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(files, filepath.Join(root, name), nil, parser.ParseComments)
			if err == nil {
				s.read("rochdale/"+path.Dir(name), file)
			}
			return err
		})
		if err != nil {
			return s, err
		}
	}
	return s, nil
}

func (s source) read(pkg string, file *ast.File) {
	for _, d := range file.Decls {
		decl, ok := d.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, spec := range decl.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				doc := spec.Doc.Text()
				if doc == "" && len(decl.Specs) == 1 {
					doc = decl.Doc.Text()
				}
				s.types[pkg+"."+spec.Name.Name] = plain(doc)
				if structure, ok := spec.Type.(*ast.StructType); ok {
					s.readFields(pkg+"."+spec.Name.Name, structure)
				}
			case *ast.ValueSpec:
				of, named := spec.Type.(*ast.Ident)
				if decl.Tok != token.CONST || !named {
					continue
				}
				for _, value := range spec.Values {
					if literal, ok := value.(*ast.BasicLit); ok && literal.Kind == token.STRING {
						if text, err := strconv.Unquote(literal.Value); err == nil && text != "" {
							s.values[pkg+"."+of.Name] = append(s.values[pkg+"."+of.Name], text)
						}
					}
				}
			}
		}
	}
}

func (s source) readFields(name string, structure *ast.StructType) {
	s.fields[name] = map[string]string{}
	for _, f := range structure.Fields.List {
		said := plain(f.Doc.Text() + " " + f.Comment.Text())
		for _, ident := range f.Names {
			s.fields[name][ident.Name] = said
		}
	}
}

var link = regexp.MustCompile(`\[([A-Za-z0-9_.]+)\]`)

// plain returns a comment on one line, without its links.
func plain(comment string) string {
	return link.ReplaceAllString(strings.Join(strings.Fields(comment), " "), "$1")
}
