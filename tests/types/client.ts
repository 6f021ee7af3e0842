// A small program on the types that openapi-typescript makes from docs/openapi.json; the tests type-check it.
import type { components, operations, paths } from "./api.d.ts";

type Written = components["schemas"]["Written"];
type List = paths["/api/v1/projects/{project}/secrets"]["get"];

/** The answer's body of an operation with this status. */
type Answer<Operation, Status extends number> = Operation extends { responses: infer All }
  ? Status extends keyof All ? All[Status] extends { content: { "application/json": infer Body } } ? Body : never : never
  : never;

async function call<Body>(url: string, init: RequestInit): Promise<Body> {
  const response = await fetch(url, init);
  if (!response.ok) {
    const problem: components["schemas"]["Problem"] = await response.json();
    throw new Error(`${problem.code}: ${problem.detail}`);
  }
  return await response.json();
}

export async function rotate(server: string, token: string): Promise<string[]> {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const body: components["schemas"]["SetSecrets"] = { secrets: { STRIPE_KEY: "sk_live_2" } };
  const at = `${server}/api/v1/admin/secrets`;
  const written = await call<Written>(at, { method: "PUT", headers, body: JSON.stringify(body) });
  const restarted: string[] = written.live.restarted;
  const query: NonNullable<List["parameters"]["query"]> = { scope: "global", limit: 10 };
  const list = await call<Answer<List, 200>>(`${at}?scope=${query.scope}&limit=${query.limit}`, { headers });
  const names: string[] = list.items.map((item) => item.name);
  return [...restarted, ...names];
}

// what the description does not know is an error of types
// @ts-expect-error there is no such field
export const wrong: components["schemas"]["SetSecrets"] = { secrets: {}, secret: "x" };
// @ts-expect-error there is no such operation
export type None = operations["secrets_nothing"];
