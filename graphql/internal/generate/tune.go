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

// tune rewrites what gqlgen generates so that answering costs a fraction of it:
//
//   - An object writes itself as its fields are resolved, and is not made of a value
//     for each of them first.
//   - A plain field, which is a field of a struct and has a value, is written where
//     it stands, without the context, closures and middleware of a resolver. Where it
//     has no value but must, the way that gqlgen made is taken, with all its checks.
//   - The elements of a list, and the fields of an object, are resolved one after
//     another and not each in a goroutine of its own.
//   - What is selected of an object is found out once for a document, and not for each
//     object: see exec.Selections.
//   - Parents of a batch find each other without a path made for each.
//   - Nothing is kept ready for @defer, which the schema does not have.
//
// And an empty text is null wherever the schema allows it to be: this it does to
// plain code too.
//
// It fails where the code is not as it expects it from the version of gqlgen in go.mod.
func tune(code []byte, plain bool) ([]byte, error) {
	t := &tuner{
		code: code, fset: token.NewFileSet(), leaves: map[string]leaf{}, objects: map[string]string{},
		plain: map[string]leaf{}, counts: map[string]int{},
	}
	file, err := parser.ParseFile(t.fset, "generated.go", code, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	passes := []func(*ast.FuncDecl){t.marshaler, t.field, t.object, t.list, t.batch, t.execution}
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
	if !plain {
		t.context(file)
	}
	if t.err == nil && !plain {
		for _, what := range []string{"leaf", "field", "object", "list", "element", "batch", "execution", "context"} {
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
	code    []byte
	fset    *token.FileSet
	leaves  map[string]leaf   // by the name of the function that marshals them
	objects map[string]string // the function that an object is marshalled by, by the name of that which takes a value of it
	plain   map[string]leaf   // how a plain field is marshalled, by the name of the function that does it
	edits   []edit
	counts  map[string]int
	err     error
}

// leaf is how values of a scalar or enum are marshalled: in its variable v, or in the
// field that has it.
type leaf struct {
	expr     string
	zero     string // a condition on the variable for null, or ""
	nullable bool
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
	if by, ok := returned(f.Body).(*ast.CallExpr); ok && strings.HasPrefix(name, "marshalN") && len(by.Args) == 3 && t.text(by.Args[2]) == "&v" {
		t.objects[name] = t.text(by.Fun)
	}
	if !strings.HasPrefix(name, "marshal") || len(f.Body.List) < 3 || t.text(f.Body.List[0]) != "_ = sel" {
		return
	}
	stmts := slices.DeleteFunc(slices.Clone(f.Body.List[1:]), func(s ast.Stmt) bool { return t.text(s) == "_ = ctx" })
	assign, ok := stmts[0].(*ast.AssignStmt)
	if !ok || t.text(assign.Lhs[0]) != "res" {
		return
	}
	l := leaf{expr: t.text(assign.Rhs[0]), nullable: strings.HasPrefix(name, "marshalO")}
	params := f.Type.Params.List
	_, pointer := params[len(params)-1].Type.(*ast.StarExpr)
	if l.nullable && !pointer && strings.HasPrefix(l.expr, "graphql.MarshalString(") {
		l.zero = `v == ""`
		t.replace(f.Body.List[0], "_ = sel\nif "+l.zero+" {\nreturn graphql.Null\n}")
	}
	if pointer || strings.Contains(l.expr, "*v") {
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
	t.plain[f.Name.Name] = leaf{put(l.expr), put(l.zero), l.nullable}
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
		text := t.text(s)
		selected, collected := strings.CutPrefix(text, "fields := graphql.CollectFields(ec.OperationContext, ")
		loop, loops := s.(*ast.RangeStmt)
		switch {
		case strings.HasPrefix(text, "deferred := graphql.NewDeferredGroup"), strings.HasPrefix(text, "if n := len(deferred.Defers)"),
			!root && text == "out.Dispatch(ctx)", !root && text == "out := graphql.NewFieldSet(fields)":
			t.replace(s, "")
		case collected && root:
			t.replace(s, "fields := ec.selections.of(ec.OperationContext, "+strings.TrimSuffix(selected, ")")+").fields")
		case collected:
			t.replace(s, "out := newObject(ec.selections.of(ec.OperationContext, "+strings.TrimSuffix(selected, ")")+"))")
		case !root && text == "return out":
			t.replace(s, "return out.end()")
		case !root && loops:
			t.fields(loop)
		}
	}
	t.counts["object"]++
}

// fields rewrites the loop over what is selected of an object:
//
//	for i, field := range fields {
//		switch field.Name {
//		case "id":
//			out.Values[i] = ec._Member_id(ctx, field, obj)
//			if out.Values[i] == graphql.Null {
//				out.Invalids++
//			}
//		...
//		}
//	}
func (t *tuner) fields(loop *ast.RangeStmt) {
	choice, ok := loop.Body.List[0].(*ast.SwitchStmt)
	if !ok || len(loop.Body.List) != 1 || t.text(loop.X) != "fields" {
		t.err = fmt.Errorf("unexpected: %.200s", t.text(loop))
		return
	}
	t.replace(loop.X, "out.selected.fields")
	t.edits = append(t.edits, edit{choice.Pos(), choice.Pos(), "out.begin(i)\n"})
	for _, c := range choice.Body.List {
		clause, _ := c.(*ast.CaseClause)
		if clause.List == nil {
			continue // of a field that is none
		}
		value, invalid := t.resolved(clause)
		if value == nil {
			t.err = fmt.Errorf("unexpected: %s", t.text(clause))
			return
		}
		text := fmt.Sprintf("out.value(%s, %s)", t.text(value), invalid)
		if by, ok := value.(*ast.CallExpr); ok {
			if l, ok := t.plain[strings.TrimPrefix(t.text(by.Fun), "ec.")]; ok {
				text = l.written(text)
			} else if name, ok := strings.CutPrefix(t.text(value), "graphql.MarshalString("); ok {
				text = "out.text(" + name
			}
		}
		t.edits = append(t.edits, edit{clause.Body[0].Pos(), clause.End(), text})
	}
}

// resolved is what a field is resolved by, and what makes the object invalid if it is
// its value.
func (t *tuner) resolved(clause *ast.CaseClause) (value ast.Expr, invalid string) {
	switch s := clause.Body[0].(type) {
	case *ast.AssignStmt:
		if len(clause.Body) == 1 {
			return s.Rhs[0], "nil"
		}
		if check, ok := clause.Body[1].(*ast.IfStmt); ok && len(clause.Body) == 2 {
			if is, ok := strings.CutPrefix(t.text(check.Cond), "out.Values[i] == "); ok {
				return s.Rhs[0], is
			}
		}
	case *ast.ExprStmt:
		// out.ResolveConcurrently(ec.OperationContext, &deferred, i, true, NONNULL,
		//	func(ctx context.Context) graphql.Marshaler { return ec._Member_holdings(ctx, field, obj) })
		call, ok := s.X.(*ast.CallExpr)
		if !ok || len(call.Args) != 6 || t.text(call.Fun) != "out.ResolveConcurrently" || len(clause.Body) != 1 {
			return nil, ""
		}
		if t.text(call.Args[4]) == "true" {
			return returned(bodyOf(call.Args[5])), "graphql.Null"
		}
		return returned(bodyOf(call.Args[5])), "graphql.RequiredNull"
	}
	return nil, ""
}

// written is the statement that writes a plain field, where otherwise is the one that
// writes it as gqlgen does.
func (l leaf) written(otherwise string) string {
	for _, how := range []struct{ marshal, before, after string }{
		{"graphql.MarshalString(", "out.text(", ""},
		{"graphql.MarshalInt(", "out.integer(int64(", ")"},
		{"graphql.MarshalInt64(", "out.integer(int64(", ")"},
		{"graphql.MarshalBoolean(", "out.boolean(", ""},
	} {
		value, ok := strings.CutPrefix(l.expr, how.marshal)
		write := how.before + value + how.after
		switch {
		case ok && l.zero != "":
			return "if " + l.zero + " {\nout.null()\n} else {\n" + write + "\n}"
		case ok:
			return write
		}
	}
	if l.nullable {
		return "out.value(" + l.expr + ", nil)"
	}
	return "if v := " + l.expr + "; v != graphql.Null {\nout.value(v, nil)\n} else {\n" + otherwise + "\n}"
}

// list rewrites the function that marshals a list.
func (t *tuner) list(f *ast.FuncDecl) {
	ast.Inspect(f.Body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		switch name := t.text(call.Fun); {
		case name == "graphql.MarshalSliceConcurrently":
			t.replace(call.Fun, "marshalSlice")
			t.counts["list"]++
		case name == "graphql.WithBatchParentValues":
			t.replace(call.Fun, "withParents")
		case name == "graphql.WithBatchParents":
			t.err = fmt.Errorf("unexpected: %s", t.text(call))
		case len(call.Args) == 3 && t.text(call.Args[2]) == "v[i]" && t.objects[strings.TrimPrefix(name, "ec.")] != "":
			t.replace(call.Fun, t.objects[strings.TrimPrefix(name, "ec.")]) // which takes no copy of it
			t.replace(call.Args[2], "&v[i]")
			t.counts["element"]++
		}
		return true
	})
}

// batch rewrites the function that resolves a field of several parents at once.
func (t *tuner) batch(f *ast.FuncDecl) {
	if !strings.HasPrefix(f.Name.Name, "resolveBatch_") {
		return
	}
	ast.Inspect(f.Body, func(n ast.Node) bool {
		if of, ok := n.(*ast.IndexExpr); ok && t.text(of.X) == "graphql.BatchParentsFor" {
			t.replace(of.X, "parentsOf")
			t.counts["batch"]++
		}
		return true
	})
}

// execution gives an execution what its document was found to select.
func (t *tuner) execution(f *ast.FuncDecl) {
	if f.Name.Name != "Exec" {
		return
	}
	for _, s := range f.Body.List {
		if strings.HasPrefix(t.text(s), "ec := newExecutionContext(") {
			t.edits = append(t.edits, edit{s.End(), s.End(), "\nec.selections = selectionsOf(ctx)"})
			t.counts["execution"]++
		}
	}
}

// context adds that to the type of an execution.
func (t *tuner) context(file *ast.File) {
	for _, decl := range file.Decls {
		d, ok := decl.(*ast.GenDecl)
		if !ok || d.Tok != token.TYPE {
			continue
		}
		for _, spec := range d.Specs {
			of, _ := spec.(*ast.TypeSpec)
			if s, ok := of.Type.(*ast.StructType); ok && of.Name.Name == "executionContext" {
				t.edits = append(t.edits, edit{s.Fields.Closing, s.Fields.Closing, "selections *Selections\n"})
				t.counts["context"]++
			}
		}
	}
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
