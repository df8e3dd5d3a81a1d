// Runs the audit of GraphQL over HTTP against the server at the address given, and
// prints what became of each of its rules as a line of JSON.
import { serverAudits } from "graphql-http";

const url = process.argv[2];
if (!url) {
  console.error("usage: node audit.js http://127.0.0.1:8080/graphql");
  process.exit(2);
}
for (const audit of serverAudits({ url })) {
  const result = await audit.fn();
  console.log(JSON.stringify({ id: audit.id, name: audit.name, status: result.status, reason: result.reason ?? "" }));
}
