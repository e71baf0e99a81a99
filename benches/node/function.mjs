// The usual function: Node, AWS's SDK, one GetItem. Instead of Lambda's own loop for Node it has this one, which is
// shorter, so that it runs without Lambda's image.

import { DynamoDBClient, GetItemCommand } from "@aws-sdk/client-dynamodb";

const runtime = `http://${process.env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/invocation`;
const client = new DynamoDBClient({ endpoint: process.env.KEYSTEAD_DYNAMODB_ENDPOINT });

async function handler(event) {
  const { licenseKey } = JSON.parse(event.body);
  const found = await client.send(
    new GetItemCommand({
      TableName: `${process.env.KEYSTEAD_TABLE_PREFIX}licenses`,
      Key: { licenseKey: { S: licenseKey } },
      ConsistentRead: true,
    }),
  );
  const valid = found.Item !== undefined;
  return {
    statusCode: valid ? 200 : 404,
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ valid }),
  };
}

for (;;) {
  const next = await fetch(`${runtime}/next`);
  const id = next.headers.get("lambda-runtime-aws-request-id");
  const answer = await handler(await next.json());
  const accepted = await fetch(`${runtime}/${id}/response`, { method: "POST", body: JSON.stringify(answer) });
  await accepted.arrayBuffer();
}
