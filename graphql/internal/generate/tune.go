package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"regexp"
	"slices"
	"strings"
)

// tune rewrites what gqlgen generates so that answering costs a quarter of it:
//
//   - A plain field, which is a field of a struct and has a value, is written where
//     it stands, without the context, closures and middleware of a resolver. Where it
//     has no value, the way that gqlgen made is taken, with all its checks.
//   - The elements of a list, and the fields of an object, are resolved one after
//     another and not each in a goroutine of its own.
//   - Nothing is kept ready for @defer, which the schema does not have.
//
// And an empty text is null wherever the schema allows it to be: this it does to
// plain code too.
//
// It fails where the code is not as it expects it from the version of gqlgen in go.mod.
func tune(code []byte, plain bool) ([]byte, error) {
	t := &tuner{code: code, fset: token.NewFileSet(), leaves: map[string]leaf{}, plain: map[string]string{}, counts: map[string]int{}}
	file, err := parser.ParseFile(t.fset, "generated.go", code, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	passes := []func(*ast.FuncDecl){t.marshaler, t.field, t.object, t.list}
	if plain {
		passes = passes[:1]
	}
	for _, pass := range passes {
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv != nil {
				pass(f)
			}
		}
	}
	if t.err == nil && !plain {
		for _, what := range []string{"leaf", "field", "object", "list"} {
			if t.counts[what] == 0 {
				t.err = fmt.Errorf("nothing looks like a %s: is this another version of gqlgen?", what)
			}
		}
	}
	if t.err != nil {
		return nil, t.err
	}
	tuned, err := format.Source(t.edited())
	if err != nil {
		return nil, err
	}
	return unused(tuned)
}

type tuner struct {
	code   []byte
	fset   *token.FileSet
	leaves map[string]leaf   // by the name of the function that marshals them
	plain  map[string]string // how a plain field is marshalled, by the name of the function that does it
	edits  []edit
	counts map[string]int
	err    error
}

// leaf is how values of a scalar or enum are marshalled, with their variable v.
type leaf struct {
	expr ast.Expr
	zero string // a condition on v for null, or ""
}

type edit struct {
	from, to token.Pos
	text     string
}

func (t *tuner) replace(n ast.Node, text string) {
	t.edits = append(t.edits, edit{n.Pos(), n.End(), text})
}

func (t *tuner) text(n ast.Node) string { return string(t.code[t.offset(n.Pos()):t.offset(n.End())]) }

func (t *tuner) offset(p token.Pos) int { return t.fset.Position(p).Offset }

func (t *tuner) edited() []byte {
	slices.SortFunc(t.edits, func(a, b edit) int { return int(a.from - b.from) })
	var b bytes.Buffer
	at := 0
	for _, e := range t.edits {
		b.Write(t.code[at:t.offset(e.from)])
		b.WriteString(e.text)
		at = t.offset(e.to)
	}
	b.Write(t.code[at:])
	return b.Bytes()
}

// marshaler takes note of how a leaf is marshalled:
//
//	func (ec *executionContext) marshalNString2string(ctx, sel, v string) graphql.Marshaler {
//		_ = sel
//		res := graphql.MarshalString(v)
//		...
//		return res
//	}
func (t *tuner) marshaler(f *ast.FuncDecl) {
	name := f.Name.Name
	if !strings.HasPrefix(name, "marshal") || len(f.Body.List) < 3 || t.text(f.Body.List[0]) != "_ = sel" {
		return
	}
	stmts := slices.DeleteFunc(slices.Clone(f.Body.List[1:]), func(s ast.Stmt) bool { return t.text(s) == "_ = ctx" })
	assign, ok := stmts[0].(*ast.AssignStmt)
	if !ok || t.text(assign.Lhs[0]) != "res" {
		return
	}
	l := leaf{expr: assign.Rhs[0]}
	params := f.Type.Params.List
	_, pointer := params[len(params)-1].Type.(*ast.StarExpr)
	if strings.HasPrefix(name, "marshalO") && !pointer && strings.HasPrefix(t.text(l.expr), "graphql.MarshalString(") {
		l.zero = `v == ""`
		t.replace(f.Body.List[0], "_ = sel\nif "+l.zero+" {\nreturn graphql.Null\n}")
	}
	if pointer || strings.Contains(t.text(l.expr), "*v") {
		return
	}
	t.leaves[name] = l
	t.counts["leaf"]++
}

// field takes note of the fields of structs that are leaves:
//
//	func (ec *executionContext) _Viewer_name(ctx, field, obj *access.Viewer) (ret graphql.Marshaler) {
//		return graphql.ResolveField(ctx, ec.OperationContext, field,
//			func(ctx, field) (*graphql.FieldContext, error) {...},
//			func(ctx context.Context) (any, error) { return obj.Name, nil },
//			nil, // no directives
//			func(ctx, selections, v string) graphql.Marshaler { return ec.marshalNString2string(ctx, selections, v) },
//			true, true)
//	}
func (t *tuner) field(f *ast.FuncDecl) {
	if !strings.HasPrefix(f.Name.Name, "_") || len(f.Body.List) != 1 {
		return
	}
	call, ok := returned(f.Body).(*ast.CallExpr)
	if !ok || t.text(call.Fun) != "graphql.ResolveField" || len(call.Args) != 9 || t.text(call.Args[5]) != "nil" {
		return
	}
	value, marshal := returned(bodyOf(call.Args[4])), returned(bodyOf(call.Args[6]))
	if value == nil || marshal == nil {
		return
	}
	selector, ok := value.(*ast.SelectorExpr)
	if !ok || !strings.HasPrefix(t.text(selector), "obj.") || strings.Contains(t.text(selector), "(") {
		return
	}
	by, ok := marshal.(*ast.CallExpr)
	if !ok {
		return
	}
	l, ok := t.leaves[strings.TrimPrefix(t.text(by.Fun), "ec.")]
	if !ok {
		return
	}
	put := func(in string) string { return variable.ReplaceAllString(in, t.text(selector)) }
	expr := put(t.text(l.expr))
	if l.zero != "" {
		expr = "orNull(" + put(l.zero) + ", func() graphql.Marshaler { return " + expr + " })"
	}
	t.plain[f.Name.Name] = expr
	t.counts["field"]++
}

var variable = regexp.MustCompile(`\bv\b`)

// object rewrites the function that resolves an object.
func (t *tuner) object(f *ast.FuncDecl) {
	name := f.Name.Name
	if !strings.HasPrefix(name, "_") || !strings.Contains(t.text(f.Body), "graphql.NewFieldSet(fields)") {
		return
	}
	root := name == "_Query" || name == "_Mutation"
	for _, s := range f.Body.List {
		switch text := t.text(s); {
		case strings.HasPrefix(text, "deferred := graphql.NewDeferredGroup"), strings.HasPrefix(text, "if n := len(deferred.Defers)"),
			!root && text == "out.Dispatch(ctx)":
			t.replace(s, "")
		case !root && text == "out := graphql.NewFieldSet(fields)":
			t.replace(s, "out := newObject(fields)")
		}
	}
	t.counts["object"]++
	if root {
		return
	}
	ast.Inspect(f.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			by, ok := n.Rhs[0].(*ast.CallExpr)
			if !ok || t.text(n.Lhs[0]) != "out.Values[i]" {
				return true
			}
			if expr, ok := t.plain[strings.TrimPrefix(t.text(by.Fun), "ec.")]; ok {
				t.replace(n, "if out.Values[i] = "+expr+"; out.Values[i] == graphql.Null {\n"+t.text(n)+"\n}")
			}
			return false
		case *ast.ExprStmt:
			switch text := t.text(n); {
			case strings.HasPrefix(text, "out.ResolveConcurrently("):
				t.replace(n, t.serial(n))
				return false
			case text == "atomic.AddUint32(&out.Invalids, 1)":
				t.replace(n, "out.Invalids++")
				return false
			}
		}
		return true
	})
}

// serial is what a field does that gqlgen would resolve in a goroutine:
//
//	out.ResolveConcurrently(ec.OperationContext, &deferred, i, true, NONNULL,
//		func(ctx context.Context) graphql.Marshaler { return ec._Member_holdings(ctx, field, obj) })
func (t *tuner) serial(n *ast.ExprStmt) string {
	call, ok := n.X.(*ast.CallExpr)
	if !ok || len(call.Args) != 6 || returned(bodyOf(call.Args[5])) == nil {
		t.err = fmt.Errorf("unexpected: %s", t.text(n))
		return ""
	}
	invalid := "graphql.RequiredNull"
	if t.text(call.Args[4]) == "true" {
		invalid = "graphql.Null"
	}
	return "out.Values[i] = " + t.text(returned(bodyOf(call.Args[5]))) +
		"\nif out.Values[i] == " + invalid + " {\nout.Invalids++\n}"
}

// list rewrites the function that marshals a list.
func (t *tuner) list(f *ast.FuncDecl) {
	ast.Inspect(f.Body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if ok && t.text(call.Fun) == "graphql.MarshalSliceConcurrently" {
			t.replace(call.Fun, "marshalSlice")
			t.counts["list"]++
		}
		return true
	})
}

func bodyOf(e ast.Expr) *ast.BlockStmt {
	if f, ok := e.(*ast.FuncLit); ok {
		return f.Body
	}
	return nil
}

// returned is what a function returns, first, that does nothing else.
func returned(body *ast.BlockStmt) ast.Expr {
	if body == nil || len(body.List) != 1 {
		return nil
	}
	if r, ok := body.List[0].(*ast.ReturnStmt); ok && len(r.Results) > 0 {
		return r.Results[0]
	}
	return nil
}

// unused takes out imports that nothing needs any more.
func unused(code []byte) ([]byte, error) {
	for _, name := range []string{"sync/atomic", "math"} {
		base := name[strings.LastIndex(name, "/")+1:]
		if !bytes.Contains(code, []byte("\t"+base+".")) && !regexp.MustCompile(`[^\w.]`+base+`\.`).Match(code) {
			code = bytes.Replace(code, []byte("\t\""+name+"\"\n"), nil, 1)
		}
	}
	return format.Source(code)
}
