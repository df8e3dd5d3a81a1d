// Package exec is what is generated of the schema: how an operation is executed,
// which resolvers it calls, and the types that are of the API alone.
package exec
