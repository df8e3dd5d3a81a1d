// The page on which people explore the API: see graphiql.min.js.
"use strict";
const endpoint = "{{.Endpoint}}";
const welcome = `# Everything that you may ask for is in the documentation, at the left.
# You ask as whoever has signed in (at /sign-in) or, with a token, as its holder:
# write {"Authorization": "Bearer …"} under Headers.

query Welcome {
  viewer {
    name
    roles
  }
  position
}
`;

// events yields the answers of a stream of server-sent events (graphql-sse).
async function* events(response) {
  let text = "";
  for await (const chunk of chunks(response.body.pipeThrough(new TextDecoderStream()))) {
    text += chunk;
    for (let end; (end = text.indexOf("\n\n")) >= 0; text = text.slice(end + 2)) {
      const lines = text.slice(0, end).split("\n");
      const field = (name) => lines.filter((l) => l.startsWith(name + ":")).map((l) => l.slice(name.length + 1).trim()).join("\n");
      if (field("event") === "complete") return;
      if (field("event") === "next") yield JSON.parse(field("data"));
    }
  }
}

async function* chunks(stream) {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    reader.cancel();
  }
}

function isSubscription(documentAST, operationName) {
  return (documentAST?.definitions ?? []).some((d) =>
    d.kind === "OperationDefinition" && d.operation === "subscription" && (!operationName || d.name?.value === operationName));
}

async function fetcher(params, options) {
  const streaming = isSubscription(options?.documentAST, params.operationName);
  const response = await fetch(endpoint, {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      "Accept": streaming ? "text/event-stream" : "application/graphql-response+json, application/json;q=0.9",
      ...options?.headers,
    },
    body: JSON.stringify(params),
  });
  return streaming && response.ok ? events(response) : response.json();
}

ReactDOM.createRoot(document.getElementById("explorer")).render(
  React.createElement(GraphiQL, { fetcher, defaultQuery: welcome, shouldPersistHeaders: false }),
);
